import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { LOOK_ROUTES_SCRIPT } from '../../src/resources/route.ts';
import { useTempDir } from '../support/temp-dir.ts';

const run = promisify(execFile);
const temp = useTempDir();

it('asks the kernel for our routes to each destination, by the family of its address', async () => {
  const bin = join(temp(), 'bin');
  await mkdir(bin);
  // Knows one route of each family.
  const known = ['-4 route show exact 10.1.0.0/16 via 10.0.0.1 proto 203', '-6 route show exact fd01::/64 via fd00::1 proto 203'];
  await writeFile(join(bin, 'ip'), `#!/bin/sh\ncase $* in ${known.map((words) => `"${words}"`).join('|')}) echo "a route" ;; esac\n`);
  await chmod(join(bin, 'ip'), 0o755);
  const words = ['10.1.0.0/16', '10.0.0.1', '10.1.0.0/16', '10.0.0.2', 'fd01::/64', 'fd00::1', 'fd02::/64', 'fd00::1'];
  const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}` };
  const { stdout } = await run('/bin/sh', ['-c', LOOK_ROUTES_SCRIPT, 'sh', ...words], { env });
  expect(stdout).toBe('yes\nno\nyes\nno\n');
});
