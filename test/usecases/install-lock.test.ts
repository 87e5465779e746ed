import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { takeInstallLock } from '../../src/usecases/install-lock.ts';

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
