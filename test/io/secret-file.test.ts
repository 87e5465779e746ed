import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPasswordFile, readSecretFile } from '../../src/io/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();

async function secret(content: string, mode = 0o600): Promise<string> {
  const path = join(directory(), 'words');
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
}

describe('readSecretFile', () => {
  it.each([0o600, 0o400, 0o700])('reads a file of mode %o', async (mode) => {
    expect(await readSecretFile(await secret('word', mode))).toBe('word');
  });

  it.each([0o640, 0o604, 0o644, 0o620, 0o601, 0o610])('refuses a file that others have a permission on (mode %o)', async (mode) => {
    const path = await secret('word', mode);
    await expect(readSecretFile(path)).rejects.toMatchObject({
      code: 'SECRET_EXPOSED',
      message: `Cannot use "${path}" with mode ${mode.toString(8)}: others than its owner can read or change it`,
      hint: expect.stringContaining(`chmod 600 ${path};`),
    });
  });

  it('lets everybody read what is no secret', async () => {
    expect(await readSecretFile(await secret('public', 0o644), { isSecret: (text) => text !== 'public' })).toBe('public');
  });

  it('says what is missing, a directory or too large', async () => {
    await expect(readSecretFile(join(directory(), 'absent'))).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringContaining('ENOENT'),
    });
    await chmod(directory(), 0o700);
    await expect(readSecretFile(directory())).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
    expect(await readSecretFile(await secret('x'.repeat(65_536)))).toHaveLength(65_536);
    await expect(readSecretFile(await secret('x'.repeat(65_537)))).rejects.toThrow(/larger than 64.0 KiB/);
  });
});

describe('readPasswordFile', () => {
  it('takes the first line, with its spaces', async () => {
    expect(await readPasswordFile(await secret(' pass word \r\nsecond\n'))).toBe(' pass word ');
  });

  it('refuses an empty one', async () => {
    await expect(readPasswordFile(await secret('\n'))).rejects.toThrow(/its first line is empty/);
  });
});
