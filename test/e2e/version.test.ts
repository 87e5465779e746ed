import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { builtCaisson } from '../support/built-caisson.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const SOURCES = ['src', '.ci', 'package.json', 'package-lock.json'];

/** Undefined where this is no checkout, or one that git does not read for this user. */
async function lastCommit(): Promise<string | undefined> {
  if (!existsSync(join(ROOT, '.git'))) return undefined;
  return run('git', ['-C', ROOT, 'log', '-1', '--format=%H', '--', ...SOURCES]).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
}

describe('the version of the built program', () => {
  it('names the last commit of its sources, so that commits of other files, such as a lock, change no byte of it', async ({ skip }) => {
    const last = await lastCommit();
    if (last === undefined) skip('there is no git that knows the commit');
    const { commit } = JSON.parse((await builtCaisson(['version', '--json'])).stdout) as { readonly commit: string };
    expect(commit.replace(/-dirty$/, '')).toBe(last);
  });
});
