import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { bold, macro, paragraph, escapeRoff, tagged } from '../../../src/cli/reference/roff.ts';
import { ask } from '../../support/ask.ts';
import { runCaisson } from '../../support/run-caisson.ts';
import { useSharedTempDir } from '../../support/temp-dir.ts';

const directory = useSharedTempDir();
let pages: readonly string[] = [];

beforeAll(async () => {
  await runCaisson(['man', '--directory', join(directory(), 'man1')]);
  pages = (await readdir(join(directory(), 'man1'))).map((file) => join('man1', file));
});

describe('the pages of the manual', () => {
  it.each([
    ['groff', '-man', '-ww', '-z', '-Tutf8'],
    ['groff', '-man', '-ww', '-z', '-Tps'],
    ['mandoc', '-Tlint'],
  ])('are without a fault for %s %j', async (tool, ...argv) => {
    expect(await ask(directory(), tool, ...argv, ...pages)).toEqual({ stdout: '', stderr: '' });
  });

  it('are found by whatis with the line of the help', async () => {
    const { stdout } = await ask(directory(), 'lexgrog', join('man1', 'caisson-verify.1'));
    expect(stdout).toBe(
      'man1/caisson-verify.1: "caisson-verify - check every byte and every signature of bundles, and list every fault"\n',
    );
  });

  it('are shown by man', async () => {
    const { stdout } = await ask(directory(), 'man', '-l', join('man1', 'caisson-node-add.1'));
    for (const words of [
      'NAME',
      'OPTIONS',
      '--root-pass-file file',
      'caisson node add node4 --iip 10.0.0.14 --role compute',
      'EXIT STATUS',
    ])
      expect(stdout).toContain(words);
  });
});

describe('a text with characters that mean something to roff', () => {
  const TEXTS = [
    '.SH at the beginning',
    "'br at the beginning",
    'C:\\new\\fBtext\\n',
    '"quoted" `text` ^here^ ~there~',
    "it's --all -x",
    '..',
    '\\',
  ];

  it.each([
    ['groff', '-man', '-Tascii', '-P-c', '-P-b', '-P-u'],
    ['mandoc', '-Tascii'],
  ])('is shown by %s as it is', async (tool, ...argv) => {
    const page = [
      macro('TH', 'X', '1', '2026-01-31', 'a "b" \\c'),
      macro('SH', 'NAME'),
      'x \\- y',
      ...TEXTS.flatMap((text) => [macro('PP'), paragraph(escapeRoff(text)), tagged(bold(text), escapeRoff(text))]),
      '',
    ].join('\n');
    await writeFile(join(directory(), 'x.1'), page);
    const { stdout, stderr } = await ask(directory(), tool, ...argv, 'x.1');
    expect(stderr).toBe('');
    // mandoc prints bold by overstriking.
    const shown = stdout
      .replace(/.[\b]/g, '')
      .replace(/[^\S\n]+/g, ' ')
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean);
    // A tag may share its line with the text behind it.
    const expected = TEXTS.flatMap((text) => (text.length < 6 ? [text, `${text} ${text}`] : [text, text, text]));
    expect(shown.slice(3, -1)).toEqual(expected);
  });
});
