import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeSshKeyPair } from '../../src/sshsig/index.ts';
import { ask } from '../support/ask.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();

describe('ssh-keygen', () => {
  // The padding of the private half depends on the length of the comment.
  it.each(['', 'a', 'ab', 'abc', 'abcd', 'abcde', 'abcdef', 'abcdefg', 'caisson sample'])(
    'reads a pair with the comment "%s", and finds the public half in the private one',
    async (comment) => {
      const pair = makeSshKeyPair(comment);
      await writeFile(join(directory(), 'key'), pair.private, { mode: 0o600 });
      const { stdout } = await ask(directory(), 'ssh-keygen', '-y', '-f', 'key');
      expect(stdout.trim()).toBe(pair.public.trim());
    },
  );
});
