import { describe, expect, it } from 'vitest';
import { runCaisson } from '../../support/run-caisson.ts';

const LIBRARIES = [
  { name: 'one', version: '1.0', licence: 'MIT', source: 'https://one.example', texts: ['Text of one', 'Notice of one'] },
  { name: 'two', version: '2.0', licence: 'ISC', texts: [] },
];
const readNotices = async (): Promise<string> => JSON.stringify(LIBRARIES);

describe('caisson licenses', () => {
  it('lists the libraries, and prints the texts with --text', async () => {
    expect((await runCaisson(['licenses'], { readNotices })).out).toBe(
      'LIBRARY  VERSION  LICENCE\none      1.0      MIT\ntwo      2.0      ISC\n',
    );
    const { out } = await runCaisson(['licenses', '--text'], { readNotices });
    expect(out).toBe(
      [
        'one 1.0 (MIT)\n=============\n\nhttps://one.example\n\nText of one\n\nNotice of one',
        'two 2.0 (ISC)\n=============\n\nIt comes without a text.\n',
      ].join('\n\n'),
    );
  });

  it('gives the same as data', async () => {
    const libraries = LIBRARIES.map(({ texts: _, ...library }) => library);
    expect(JSON.parse((await runCaisson(['licenses', '--json'], { readNotices })).out)).toEqual({ type: 'result', libraries });
    expect(JSON.parse((await runCaisson(['licenses', '--text', '--json'], { readNotices })).out)).toMatchObject({ libraries: LIBRARIES });
  });

  it('says so where the program was not built', async () => {
    const { status, err } = await runCaisson(['licenses']);
    expect([status, err]).toEqual([2, 'Error USAGE: Cannot list licences: this program was not built\n  npm run build\n']);
  });
});
