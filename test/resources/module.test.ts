import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { LOAD_MODULES_SCRIPT } from '../../src/resources/module.ts';
import { useTempDir } from '../support/temp-dir.ts';

const run = promisify(execFile);
const temp = useTempDir();

it('does not ask modprobe for what is in the kernel already, which a host without module files could not answer', async () => {
  const root = temp();
  for (const name of ['bin', 'module/br_netfilter']) await mkdir(join(root, name), { recursive: true });
  await writeFile(join(root, 'bin/modprobe'), '#!/bin/sh\necho "FATAL: Module $2 not found" >&2; exit 1\n');
  await chmod(join(root, 'bin/modprobe'), 0o755);
  const script = LOAD_MODULES_SCRIPT.replaceAll('/sys/module', join(root, 'module')).replaceAll('/etc/modules-load.d', join(root, 'boot'));
  const load = (name: string) =>
    run('/bin/sh', ['-c', script, 'sh', name], { env: { PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}` } });
  await load('br-netfilter');
  expect(await readFile(join(root, 'boot/caisson-br-netfilter.conf'), 'utf8')).toBe('br-netfilter\n');
  await expect(load('ip_vs')).rejects.toThrow('Module ip_vs not found');
});
