import { describe, expect, it } from 'vitest';
import { parseServiceFile, unitFromDefinition, type ServiceDefinition } from '../../src/agent/index.ts';

function definition(fields: Partial<ServiceDefinition>): ServiceDefinition {
  const [parsed] = parseServiceFile("version: '2.1'\nservices: [{ name: etcd, start: etcd }]", 'x.yaml');
  if (parsed === undefined) throw new Error('nothing parsed');
  return { ...parsed, ...fields };
}

function lineOf(unit: string, key: string): string | undefined {
  return unit
    .split('\n')
    .find((line) => line.startsWith(`${key}=`))
    ?.slice(key.length + 1);
}

describe('unitFromDefinition', () => {
  it('writes a whole unit', () => {
    const unit = unitFromDefinition(
      definition({
        after: ['docker', 'network-online.target'],
        requires: ['docker'],
        preStart: 'docker rm etcd',
        start: 'docker run etcd',
        stop: 'docker stop etcd',
        restartPolicy: 'always',
        restartSec: '10',
      }),
      {},
    );
    expect(unit).toBe(`# Written by caisson agent. Changes are overwritten: edit the definition.
[Unit]
Description=etcd
After=docker.service
After=network-online.target
Requires=docker.service
StartLimitIntervalSec=0

[Service]
Type=simple
ExecStartPre=-/bin/bash -c "docker rm etcd"
ExecStart=/bin/bash -c "docker run etcd"
ExecStop=/bin/bash -c "docker stop etcd"
Restart=always
RestartSec=10

[Install]
WantedBy=multi-user.target
`);
  });

  it('leaves out what is not defined', () => {
    const unit = unitFromDefinition(definition({}), {});
    expect(unit).not.toMatch(/ExecStartPre|ExecStop|Restart|After|StartLimit/);
  });

  it('leaves the children of a program that holds others, in control groups of its own', () => {
    expect(unitFromDefinition(definition({ keepChildren: true }), {})).toMatch(/^KillMode=process$/m);
    expect(unitFromDefinition(definition({ keepChildren: true }), {})).toMatch(/^Delegate=yes$/m);
    expect(unitFromDefinition(definition({}), {})).not.toMatch(/KillMode|Delegate/);
    const [read] = parseServiceFile("version: '2.1'\nservices: [{ name: c, start: c, keep_children: true }]", 'x.yaml');
    expect(read?.keepChildren).toBe(true);
  });

  it('keeps a oneshot active after its end', () => {
    const unit = unitFromDefinition(definition({ type: 'oneshot' }), {});
    expect(unit).toContain('[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=');
  });

  it('lets quotes, percent signs, dollars and backslashes reach the shell as they were written', () => {
    const unit = unitFromDefinition(definition({ start: `echo 'one "two"' \\ 100% $HOME\nnext` }), {});
    expect(lineOf(unit, 'ExecStart')).toBe(`/bin/bash -c "echo 'one \\"two\\"' \\\\ 100%% $$HOME\\nnext"`);
  });

  it('fills in given values, by comma or by the character that is asked for, and leaves other names to the shell', () => {
    const values = { NODE_UUID: ['1-2'], ETCD_ENDPOINTS: ['http://a:1', 'http://b:1'] };
    const start = 'run ${NODE_UUID} ${ETCD_ENDPOINTS} ${ETCD_ENDPOINTS|;} ${OTHER} ${toString}';
    expect(lineOf(unitFromDefinition(definition({ start }), values), 'ExecStart')).toBe(
      '/bin/bash -c "run 1-2 http://a:1,http://b:1 http://a:1;http://b:1 $${OTHER} $${toString}"',
    );
  });

  it('refuses to make a unit of what is only probed', () => {
    expect(() => unitFromDefinition(definition({ onlyHealthCheck: true }), {})).toThrow('has no unit');
  });
});
