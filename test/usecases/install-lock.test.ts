import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { seedLayout } from '../../src/site/index.ts';
import { takeInstallLock, withInstallLock } from '../../src/usecases/install-lock.ts';

const NAME = `caisson-test-${process.pid}`;

describe('takeInstallLock', () => {
  it('refuses a second run with status 7 until the first lets go', async () => {
    const release = await takeInstallLock(NAME);
    await expect(takeInstallLock(NAME)).rejects.toMatchObject({ code: 'INSTALL_LOCKED', exitStatus: 7 });
    await release();
    await (
      await takeInstallLock(NAME)
    )();
  });

  it('is free again after its holder was killed', async () => {
    const holder = spawn(process.execPath, ['-e', `require('node:net').createServer().listen('\\0${NAME}', () => console.log('held'))`]);
    await once(holder.stdout, 'data');
    await expect(takeInstallLock(NAME)).rejects.toMatchObject({ code: 'INSTALL_LOCKED' });
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    await (
      await takeInstallLock(NAME)
    )();
  });
});

describe('withInstallLock', () => {
  it('removes what killed runs left of the site record before the work, and nothing else there', async () => {
    const root = await mkdtemp(join(tmpdir(), 'caisson-lock-'));
    try {
      const layout = seedLayout(root);
      const state = dirname(layout.record);
      await mkdir(state, { recursive: true });
      const kept = ['.other.0123456789ab.tmp', 'journal.jsonl', 'site.json'];
      for (const name of [
        ...kept,
        '.site.json.0123456789ab.tmp',
        '.last-backup.json.0123456789ab.tmp',
        '.last-renewal.json.0123456789ab.tmp',
      ])
        await writeFile(join(state, name), name);
      expect((await withInstallLock(layout, () => readdir(state))).sort()).toEqual(kept);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
});
