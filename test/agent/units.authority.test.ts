import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { agentUnit, parseServiceFile, unitFromDefinition } from '../../src/agent/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

const temp = useTempDir();

function verify(path: string): string {
  // Warnings go to standard error with exit status 0: both are wanted.
  return execFileSync(
    'bash',
    ['-c', 'SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no "$1" 2>&1 || echo "exit status $?"', 'bash', path],
    {
      encoding: 'utf8',
    },
  );
}

beforeAll(() => {
  try {
    execFileSync('systemd-analyze', ['--version']);
  } catch (cause) {
    throw new Error('systemd-analyze is missing: install the package "systemd"', { cause });
  }
});

describe('systemd', () => {
  it('finds no fault with the unit of a definition', async () => {
    const [definition] = parseServiceFile(
      `version: '2.1'
services:
- name: odd
  after: [local-fs.target]
  requires: [local-fs.target]
  pre_start: "docker rm odd"
  start: "echo 'one \\"two\\"' 100% $HOME \${NODE_UUID} \\\\ | cat; exec sleep 1"
  stop: "echo $MAINPID 50%"
  restart_policy: always
  restart_sec: 500ms
`,
      'odd.yaml',
    );
    if (definition === undefined) throw new Error('nothing parsed');
    const path = join(temp(), 'odd.service');
    await writeFile(path, unitFromDefinition(definition, { NODE_UUID: ['u-1'] }));
    expect(verify(path)).toBe('');
  });

  it('sees a fault when there is one', async () => {
    const path = join(temp(), 'bad.service');
    await writeFile(path, '[Service]\nExecStart=/bin/bash -c "open\n');
    expect(verify(path)).not.toBe('');
  });

  it('finds no fault with the unit of the agent', async () => {
    const path = join(temp(), 'caisson-agent.service');
    await writeFile(path, agentUnit({ executable: '/bin/true', config: '/etc/caisson/agent.yaml' }));
    expect(verify(path)).toBe('');
  });
});
