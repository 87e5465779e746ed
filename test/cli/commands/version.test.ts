import { describe, expect, it } from 'vitest';
import { runCaisson } from '../../support/run-caisson.ts';

describe('caisson version', () => {
  it('prints version, commit, Node and platform, and the same as data', async () => {
    const { status, out, err } = await runCaisson(['version'], { name: 'samplectl' });
    expect([status, err]).toEqual([0, '']);
    const cpu = process.arch === 'x64' ? 'amd64' : process.arch;
    expect(out.split('\n')).toEqual([
      'samplectl 1.2.3',
      'commit 0123456789abcdef of 2026-01-31',
      `Node ${process.versions.node}`,
      `platform ${process.platform}/${cpu}`,
      '',
    ]);
    expect(JSON.parse((await runCaisson(['version', '--json'])).out)).toEqual({
      type: 'result',
      version: '1.2.3',
      commit: '0123456789abcdef',
      date: '2026-01-31',
      node: process.versions.node,
      platform: `${process.platform}/${cpu}`,
      standalone: false,
    });
  });

  it('is not needed for the version alone', async () => {
    expect(await runCaisson(['--version'])).toEqual({ status: 0, out: '1.2.3\n', err: '' });
  });
});
