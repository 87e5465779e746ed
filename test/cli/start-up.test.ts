import { join, relative } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

let outputs: Metafile['outputs'] = {};

beforeAll(async () => {
  const { metafile } = await build({
    entryPoints: [join(ROOT, 'src/main.ts')],
    absWorkingDir: ROOT,
    bundle: true,
    splitting: true,
    metafile: true,
    write: false,
    format: 'esm',
    platform: 'node',
    outdir: 'out',
    external: ['cpu-features'],
    loader: { '.node': 'empty' },
  });
  ({ outputs } = metafile);
});

/** The sources of ours that are loaded at once with an output. */
function loadedWith(output: string, seen = new Set<string>()): readonly string[] {
  if (seen.has(output)) return [];
  seen.add(output);
  const { inputs = {}, imports = [] } = outputs[output] ?? {};
  const below = imports.filter(({ kind }) => kind === 'import-statement').flatMap(({ path }) => loadedWith(path, seen));
  return [...Object.keys(inputs).filter((path) => path.startsWith('src/')), ...below];
}

describe('the start of the program', () => {
  it('loads no command, and nothing that tells of commands', () => {
    const loaded = loadedWith('out/main.js');
    expect(loaded).toContain('src/cli/program.ts');
    expect(loaded.filter((path) => /^src\/cli\/(?:commands|reference)\//.test(path))).toEqual(['src/cli/commands/index.ts']);
  });

  it('loads what tells of all commands only for those that print it', () => {
    const commands = Object.entries(outputs).filter(([, { entryPoint }]) => entryPoint?.startsWith('src/cli/commands/') === true);
    expect(commands.length).toBeGreaterThan(20);
    const telling = commands.filter(([output]) => loadedWith(output).some((path) => path.startsWith('src/cli/reference/')));
    expect(telling.map(([, { entryPoint = '' }]) => relative('src/cli/commands', entryPoint)).toSorted()).toEqual([
      'completion.ts',
      'man.ts',
    ]);
  });
});
