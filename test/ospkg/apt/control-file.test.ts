import { describe, expect, it } from 'vitest';
import { CaissonError } from '../../../src/core/index.ts';
import { FieldNames, type Paragraph, parseParagraph, splitParagraphs } from '../../../src/ospkg/apt/control-file.ts';
import * as fc from '../../support/fast-check.ts';

const fault = (reason: string) => new CaissonError('REPOSITORY_INVALID', reason);

async function split(...chunks: readonly (string | Buffer)[]): Promise<Paragraph[]> {
  async function* source(): AsyncGenerator<Buffer> {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const found: Paragraph[] = [];
  for await (const paragraphs of splitParagraphs(source(), fault)) found.push(...paragraphs);
  return found;
}

describe('parseParagraph', () => {
  it('reads fields without regard to case, trims values and keeps continuation lines', () => {
    const fields = parseParagraph('Package:  a\nDESCRIPTION: short\n long\n .\n more\nEmpty:\nVersion:1:2', fault);
    expect([...fields]).toEqual([
      ['package', 'a'],
      ['description', 'short\n long\n .\n more'],
      ['empty', ''],
      ['version', '1:2'],
    ]);
  });

  it('tells wanted fields from others of the same length and first letter, in any case', () => {
    const wanted = new FieldNames(['size', 'multi-arch']);
    const text = 'Site: a\nSIZE: 1\nMaintainer: b\nmulti-arch: same\nSizes: 2\nSiz: 3\n\u0013ize: 4';
    expect([...parseParagraph(text, fault, wanted)]).toEqual([
      ['size', '1'],
      ['multi-arch', 'same'],
    ]);
  });

  it('skips fields that are not wanted', () => {
    expect([...parseParagraph('A: 1\nB: 2\n 3\nC: 4', fault, new FieldNames(['c']))]).toEqual([['c', '4']]);
  });

  it.each([
    ['no colon here', 'is not a field'],
    ['none here\nA: 1', '"none here" is not a field'],
    [`${'x'.repeat(80)}\nA: 1`, `"${'x'.repeat(60)}" is not a field`],
    ['A: 1\nno colon: no, but this\nneither', 'is not a field'],
    [': value', 'is not a field'],
    ['A: 1\na: 2', 'twice'],
  ])('refuses %j', (text, message) => {
    expect(() => parseParagraph(text, fault)).toThrow(message);
  });
});

describe('splitParagraphs', () => {
  it('gives the same paragraphs wherever the pieces of the stream are cut', async () => {
    const text = '\n\nA: 1\nB: ä\n\nA: 2\n\n\n\nA: 3\n multi\n\nA: 4\n';
    const bytes = Buffer.from(text);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length), fc.nat(bytes.length), async (one, two) => {
        const [first, second] = [Math.min(one, two), Math.max(one, two)];
        const parts = await split(bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second));
        expect(parts.map(({ line, offset, characters }) => [line, offset, characters])).toEqual([
          [3, 2, 'A: 1\nB: Ã¤'],
          [6, 14, 'A: 2'],
          [10, 22, 'A: 3\n multi'],
          [13, 35, 'A: 4'],
        ]);
      }),
    );
  });

  it('finds nothing in nothing', async () => {
    expect(await split('', '\n', '\n\n')).toEqual([]);
  });

  it('refuses a paragraph without end', async () => {
    const endless = Array.from({ length: 40 }, () => `X${'x'.repeat(1 << 15)}: y\n`);
    await expect(split(...endless)).rejects.toMatchObject({ code: 'REPOSITORY_INVALID' });
  });
});
