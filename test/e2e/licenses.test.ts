import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { builtCaisson } from '../support/built-caisson.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

interface Library {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly texts: readonly string[];
}

/** Licences under which libraries may be part of the program; another one is decided on, and written down here. */
const ALLOWED = ['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'LGPL-3.0+', 'MIT', 'Unlicense'];

const WORDS = ['licenses', '--text', '--json'];

function librariesIn(stdout: string): readonly Library[] {
  return (JSON.parse(stdout) as { readonly libraries: readonly Library[] }).libraries;
}

describe('the licences of the built program', () => {
  it('are those of every library that it depends on and has inside, each under a licence that is allowed', async () => {
    const libraries = librariesIn((await builtCaisson(WORDS)).stdout);
    const { dependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { readonly dependencies: object };
    const names = libraries.map(({ name }) => name);
    expect(Object.keys(dependencies).filter((name) => !names.includes(name))).toEqual([]);
    expect(libraries.filter(({ licence }) => !ALLOWED.includes(licence))).toEqual([]);
    // Parts of larger packages may come without the text of these.
    expect(libraries.filter(({ texts, licence }) => texts.length === 0 && !['BSD-3-Clause', 'MIT', 'ISC'].includes(licence))).toEqual([]);
  });

  it('are with Node in the executable', async () => {
    const executable = join(ROOT, `dist/caisson-linux-${process.arch === 'arm64' ? 'arm64' : 'amd64'}`);
    const libraries = librariesIn((await run(executable, WORDS, { maxBuffer: 2 ** 24 })).stdout);
    expect(libraries[0]).toMatchObject({ name: 'node', licence: 'MIT' });
    expect(libraries[0]?.texts[0]).toContain('OpenSSL');
    expect(libraries.slice(1)).toEqual(librariesIn((await builtCaisson(WORDS)).stdout));
  });
});
