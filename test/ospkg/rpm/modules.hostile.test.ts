import { describe, expect, it } from 'vitest';
import { CaissonError } from '../../../src/core/index.ts';
import { readModules, type ModuleMetadata } from '../../../src/ospkg/rpm/module-documents.ts';
import { moduleFilter } from '../../../src/ospkg/rpm/modules.ts';
import fc from '../../support/fast-check.ts';

async function read(...chunks: readonly (string | Buffer)[]): Promise<ModuleMetadata> {
  const stream = async function* (): AsyncGenerator<Buffer> {
    for (const chunk of chunks) yield Buffer.from(chunk);
  };
  return readModules(stream(), 'modules.yaml');
}

const GOOD = `---
document: modulemd
version: 2
data:
  name: node
  stream: 1.10
  version: 8001
  context: c1
  dependencies:
  - buildrequires: { platform: [el8] }
    requires: { platform: [el8], other: [] }
  artifacts:
    rpms:
    - node-1:1.10-1.src
    - node-1:1.10-1.x86_64
...
---
document: modulemd-translations
version: 1
data: [not, read]
...
---
document: modulemd-defaults
version: 1
data: { module: node, stream: 1.10, modified: 202601010000 }
...
`;

describe('readModules', () => {
  it('reads the same however the stream is cut, and leaves numbers as they are written', async () => {
    const whole = await read(GOOD);
    expect(whole).toEqual({
      streams: [
        {
          ...{ name: 'node', stream: '1.10', version: 8001n, staticContext: undefined, artifacts: ['node-1:1.10-1.x86_64'] },
          requires: new Map([
            ['platform', ['el8']],
            ['other', []],
          ]),
        },
      ],
      defaults: [{ module: 'node', stream: '1.10', modified: 202601010000n }],
    });
    for (let at = 0; at <= GOOD.length; at += 1) expect(await read(GOOD.slice(0, at), GOOD.slice(at))).toEqual(whole);
    expect(await read('')).toEqual({ streams: [], defaults: [] });
  });

  it.each([
    ['a module without a name', GOOD.replace('  name: node\n', '')],
    ['a module whose stream is a list', GOOD.replace('stream: 1.10\n', 'stream: [1]\n')],
    ['a version that is no number', GOOD.replace('8001', 'new')],
    ['what is no YAML', GOOD.replace('  context: c1', '  context: [c1')],
    ['a key that is there twice', GOOD.replace('  context: c1', '  context: c1\n  context: c2')],
    ['text that is not UTF-8', Buffer.from([0x2d, 0x2d, 0x2d, 0x0a, 0xff, 0x0a])],
    ['a document without an end', `---\ndocument: modulemd\n${'#'.repeat(5 * 2 ** 20)}`],
    [
      'aliases that multiply',
      `---\ndocument: modulemd\na: &a [1,1]\n${Array.from({ length: 20 }, (_, at) => `b${at}: &b${at} [*${at === 0 ? 'a' : `b${at - 1}`},*${at === 0 ? 'a' : `b${at - 1}`}]\n`).join('')}`,
    ],
  ])('refuses %s', async (_, text) => {
    await expect(read(text)).rejects.toMatchObject({ code: 'REPOSITORY_INVALID' });
  });

  it('ends for any text, with a value or an error of ours', async () => {
    const part = fc.constantFrom(
      '---\n',
      '...\n',
      'document: modulemd\n',
      'data:\n',
      '  name: a\n',
      '  stream: "1"\n',
      '- ',
      '[',
      '{',
      ': ',
      '\n',
      '*a',
      '&a ',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part), async (parts) => {
        await read(parts.join('')).catch((error: unknown) => expect(error).toBeInstanceOf(CaissonError));
      }),
    );
  });
});

describe('moduleFilter', () => {
  const refusal =
    (wanted: readonly string[], version = '1:1.10-1', isHotfix = false) =>
    async (): Promise<string | undefined> => {
      const text =
        GOOD.replace(', other: []', '') +
        GOOD.replace(', other: []', '')
          .replaceAll('1.10', '2.0')
          .replace(/---\ndocument: modulemd-defaults[^]*/, '');
      return moduleFilter(await read(text), wanted)?.refusalOf({ name: 'node', version, architecture: 'x86_64', isHotfix, provides: [] });
    };

  it('hides the packages of other streams, and those that stand in for a package of the active one', async () => {
    expect(await refusal([])()).toBeUndefined();
    expect(await refusal([], '1:2.0-1')()).toBe('it is of module "node:2.0", which is not enabled');
    expect(await refusal(['node:2.0'], '1:2.0-1')()).toBeUndefined();
    expect(await refusal(['node:2.0'])()).toBe('it is of module "node:1.10", which is not enabled');
    expect(await refusal([], '1:9.0-1')()).toBe('module "node:1.10" has packages in its place');
    expect(await refusal([], '1:9.0-1', true)()).toBeUndefined();
  });

  it('tells why a stream cannot be enabled, and what can', async () => {
    await expect(refusal(['nod:1.10'])()).rejects.toMatchObject({ code: 'PACKAGE_UNSOLVABLE', hint: 'Write "node", if that is meant' });
    await expect(refusal(['node:3'])()).rejects.toMatchObject({ hint: 'Name one that they have: node:1.10, node:2.0' });
    await expect(refusal(['platform:el9', 'node:2.0'])()).rejects.toMatchObject({ hint: expect.stringContaining('platform:el8') });
  });
});
