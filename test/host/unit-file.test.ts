import { describe, expect, it } from 'vitest';
import { formatExecLine, formatUnitFile } from '../../src/host/index.ts';
import { SAMPLE_UNIT } from './sample-unit.ts';

describe('formatUnitFile', () => {
  it('writes sections and settings in a fixed order', () => {
    expect(formatUnitFile(SAMPLE_UNIT)).toBe(`[Unit]
Description=Depot of 100%% of "prod"
Documentation=https://example.com/docs
After=network-online.target
After=docker.service
Wants=network-online.target
Requires=docker.service
StartLimitIntervalSec=0

[Service]
Type=exec
WorkingDirectory=/
Environment=A=b
Environment="GREETING=it's 50%% of $HOME \\"quoted\\""
ExecStartPre=-/usr/bin/docker rm -f depot
ExecStart=/usr/local/bin/caisson serve --name "two words" "%%i" "$$HOME" "a\\\\b" "tab\\there" "line\\nbreak" "" ";" "ümlaut"
ExecStop=/bin/true
Restart=always
RestartSec=10
TimeoutStopSec=30
KillMode=mixed
LimitNOFILE=65536
ProtectSystem=strict

[Install]
WantedBy=multi-user.target
`);
  });

  it('writes a comment in front, and what a service reloads with', () => {
    const unit = {
      comment: 'Written by x',
      description: 'x',
      execStart: { argv: ['/bin/x'] },
      execReload: { argv: ['/bin/x', '--reload'] },
    };
    expect(formatUnitFile(unit)).toMatch(/^# Written by x\n\[Unit\]\n[^]*\nExecStart=\/bin\/x\nExecReload=\/bin\/x --reload\n/);
  });

  it.each([
    ['a line feed in a comment', { comment: 'a\n[Unit]' }, /comment of a unit cannot be written/],
    ['a line feed in a description', { description: 'a\n[Service]\nExecStart=/bin/evil' }, /Description of a unit cannot be written/],
    ['a backslash at the end of a line', { description: 'a\\' }, /cannot be written on one line/],
    ['a unit name with spaces', { after: ['a b'] }, /"a b" is not a name of a unit/],
    ['a setting that is none', { settings: { 'A\nB': 'x' } }, /is not a setting/],
    ['an environment variable that is none', { environment: { 'A=B': 'x' } }, /is not a name of an environment variable/],
    ['a relative program', { execStart: { argv: ['caisson'] } }, /not an absolute path/],
    ['a program with a prefix of systemd', { execStart: { argv: ['-/bin/x'] } }, /not an absolute path/],
    ['a program with a variable', { execStart: { argv: ['/bin/$x'] } }, /not an absolute path/],
    ['no program', { execStart: { argv: [] } }, /not an absolute path/],
    ['NUL', { execStart: { argv: ['/bin/x', 'a\0'] } }, /NUL/],
  ])('refuses %s', (_what, change, message) => {
    expect(() => formatUnitFile({ ...SAMPLE_UNIT, ...change })).toThrow(message);
  });
});

describe('formatExecLine', () => {
  it.each([
    [['/bin/a', 'plain-1.2_x=/y:z,@'], '/bin/a plain-1.2_x=/y:z,@'],
    [['/bin/a', '${X}'], '/bin/a "$${X}"'],
    [['/bin/a', '%'], '/bin/a "%%"'],
    [['/bin/a', '[::]:5443'], '/bin/a [::]:5443'],
    [['/bin/a', "it's"], `/bin/a "it's"`],
    [['/bin/a', '\u0001\u007f'], String.raw`/bin/a "\x01\x7f"`],
  ])('makes of %j: %s', (argv, line) => {
    expect(formatExecLine({ argv })).toBe(line);
  });
});
