import { describe, expect, it } from 'vitest';
import { openLocalHost, type Host } from '../../src/host/index.ts';
import { tryWays, type Way } from '../../src/preflight/ways.ts';

/** This machine with a network of its own: loopback, and the rules of `iptables` that are given. */
function filteredHost(rules: readonly string[]): Host {
  const host = openLocalHost({ name: 'filtered' });
  const setUp = ['set -e', 'ip link set lo up', ...rules.map((rule) => `iptables ${rule}`), 'exec "$@"'].join('\n');
  return {
    ...host,
    run: (command, options) => host.run({ ...command, argv: ['unshare', '-n', 'sh', '-c', setUp, 'sh', ...command.argv] }, options),
  };
}

function way(port: number, address = '127.0.0.1'): Way {
  return { to: 'there', address, port, service: 'x' };
}

describe('ways through the filters of iptables', () => {
  it('tells a filter that drops, one that answers, a missing route and an open way apart', async () => {
    const host = filteredHost([
      '-A INPUT -p tcp --dport 81 -j DROP',
      '-A INPUT -p tcp --dport 82 -j REJECT --reject-with icmp-host-prohibited',
      '-A INPUT -p tcp --dport 83 -j REJECT --reject-with icmp-admin-prohibited',
    ]);
    const all = [way(80), way(81), way(82), way(83), way(84, '10.9.9.9')];
    const tried = await tryWays(host, all, new AbortController().signal);
    const outcomes = new Map(tried.map(({ port, outcome, reason }) => [port, `${outcome} ${reason}`.trim()]));
    expect(outcomes).toEqual(
      new Map([
        [80, 'open'],
        [81, 'silent'],
        [82, 'barred No route to host'],
        [83, 'barred No route to host'],
        [84, 'barred Network is unreachable'],
      ]),
    );
  });

  it('tries many ways at once: a hundred that are dropped do not take a hundred times as long', async () => {
    const host = filteredHost(['-A INPUT -p tcp -j DROP']);
    const all = Array.from({ length: 100 }, (_, index) => way(index + 1));
    const started = performance.now();
    const tried = await tryWays(host, all, new AbortController().signal);
    expect(tried).toHaveLength(100);
    expect(tried.every(({ outcome }) => outcome === 'silent')).toBe(true);
    // One after the other they take 500 s, at once 20 s.
    expect(performance.now() - started).toBeLessThan(120_000);
  });
});
