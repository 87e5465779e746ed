import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CARRIED, clusterYaml, INSTALL, type LabCluster } from '../scenario.ts';
import { watchFiles } from './observe.ts';
import { everywhere, openSite, type GetSide, type Site } from './site.ts';

const CLUSTER: LabCluster = {
  name: 'refused',
  nodes: [
    { name: 'm1', roles: ['manage'] },
    { name: 'g1', roles: ['gateway'] },
    { name: 'c1', roles: ['compute'] },
    { name: 'c2', roles: ['compute'] },
  ],
};
const NOTHING = { m1: [], g1: [], c1: [], c2: [] };

/** Registers the tests of installs that must not begin. */
export function refused(side: GetSide): void {
  let site: Site;
  let changed: Awaited<ReturnType<typeof watchFiles>>;

  beforeAll(async () => {
    site = await openSite(side(), CLUSTER);
  });
  afterAll(async () => {
    await site?.stop();
  });

  const carryText = async (text: string, name: string): Promise<void> => {
    const local = join(side().connected.directory, `refused-${name}`);
    await writeFile(local, text);
    await site.lab.copyTo(site.seed, local, `${CARRIED}/${name}`);
  };

  describe('a cluster.yaml with mistakes', () => {
    it('is refused with the line and column of every mistake, before any host is looked at', async () => {
      changed = await watchFiles(site);
      const lines = clusterYaml(site.lab, CLUSTER)
        .replace('domain:', 'domian:')
        .replace('roles: [gateway]', 'roles: [gatway]')
        .replace(`address: ${site.address('c2')}`, 'address: c2.example');
      await carryText(lines, 'mistaken.yaml');
      const ran = await site.caisson(
        'install',
        '--offline',
        '--bundle',
        `${CARRIED}/cluster.tar`,
        '--cluster',
        `${CARRIED}/mistaken.yaml`,
        '--unsigned',
        '--yes',
      );
      expect(ran.status, ran.stderr).toBe(3);
      for (const word of ['domian', 'gatway', 'c2.example']) {
        const line = lines.split('\n').findIndex((text) => text.includes(word)) + 1;
        expect(line).toBeGreaterThan(0);
        expect(ran.stderr).toMatch(new RegExp(`mistaken\\.yaml:${line}:\\d+.*`));
      }
      expect(await everywhere(site, (node) => changed(node))).toEqual(NOTHING);
    });
  });

  describe('hosts with faults', () => {
    const faults = {
      'a port': [
        'g1',
        "systemd-run --quiet --unit=planted systemd-socket-activate --accept --listen='[::]:80' /bin/cat; until ss -Hlnt 'sport = :80' | grep -q .; do sleep 0.1; done",
      ],
      'a contradicting name': ['g1', 'echo "10.9.9.9 c1" >> /etc/hosts'],
      'a route into the network of containers': ['g1', 'ip route add 10.20.30.0/24 dev eth0'],
      'the name of another host': ['c1', 'hostname m1'],
    } as const;

    beforeEach(async () => {
      for (const [node, script] of Object.values(faults)) await site.bash(node, script);
      await site.bash('c1', 'cat > /etc/machine-id <<< "$1"', await site.bash('m1', 'cat /etc/machine-id'));
      const known = await readFile(site.lab.knownHostsFile, 'utf8');
      await carryText(
        known
          .split('\n')
          .filter((line) => !line.includes(site.address('c2')))
          .join('\n'),
        'known_hosts',
      );
      changed = await watchFiles(site);
    });

    it('are all named at once, with what to do about each, and nothing is changed on any host', async () => {
      const ran = await site.caisson('--json', ...INSTALL, '--yes');
      expect(ran.status, ran.stderr).toBe(6);
      for (const pattern of [
        /^ {2}g1: tcp port 80, which rbd-gateway needs, is taken by "systemd-socket-?.*" at (\[::\]|::|\*)\n {4}\S/m,
        /^ {2}g1: \/etc\/hosts says that "c1" is 10\.9\.9\.9, cluster\.yaml says .*\n {4}\S/m,
        /^ {2}c1: its host name "m1" is also that of "m1"\n {4}\S/m,
        /^ {2}c1: its machine id "[0-9a-f]{32}" is also that of "m1"\n {4}\S/m,
        /^ {2}g1: its network 10\.20\.30\.0\/24 overlaps network\.podCIDR .*\n {4}\S/m,
        /^ {2}c2: .*key.*\n {4}\S/m,
      ]) {
        expect(ran.stderr).toMatch(pattern);
      }
      expect(await everywhere(site, (node) => changed(node))).toEqual(NOTHING);
    });
  });

  describe('a damaged bundle', () => {
    it('of which one byte was flipped is refused, and no other host is touched', async () => {
      await site.bash('g1', 'systemctl stop planted; sed -i /10.9.9.9/d /etc/hosts; ip route del 10.20.30.0/24');
      await site.bash('c1', 'hostname c1; cat > /etc/machine-id <<< "$1"', '0123456789abcdef0123456789abcdef');
      await site.lab.copyTo('m1', site.lab.knownHostsFile, `${CARRIED}/known_hosts`);
      const blob = side().manifest.entries.findLast(({ kind, size }) => kind === 'blob' && size > 1_000_000);
      const position = (blob?.offset ?? 0) + 4321;
      const flip = `
        byte=$(dd if="$1" bs=1 skip="$2" count=1 status=none | od -An -tu1)
        printf "\\\\$(printf %o $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none`;
      await site.bash('m1', flip, `${CARRIED}/cluster.tar`, String(position));
      changed = await watchFiles(site);
      const ran = await site.caisson(...INSTALL, '--yes');
      expect(ran.status, ran.stderr).toBe(4);
      expect(ran.stderr).toContain(blob?.path ?? 'no blob');
      expect(await everywhere(site, (node) => (node === 'm1' ? Promise.resolve([]) : changed(node)))).toEqual(NOTHING);
      expect(await site.bash('m1', 'ls -A /var/lib/caisson/bundles')).toBe('');
      expect((await site.try('m1', 'test -e /etc/caisson/pki || test -e /opt/rainbond || command -v docker')).status).not.toBe(0);
    });
  });
}
