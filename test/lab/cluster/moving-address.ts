import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import { CARRIED, type LabCluster } from '../scenario.ts';
import { changes, listHosts, type Untouched } from './host-list.ts';
import { reportOf, runInstall } from './installer.ts';
import { httpsGet, untilHealthy } from './observe.ts';
import { openSite, type GetSide, type Site } from './site.ts';

const CLUSTER: LabCluster = {
  name: 'vip',
  nodes: [
    { name: 'm1', roles: ['manage', 'compute'] },
    { name: 'g1', roles: ['gateway'] },
    { name: 'g2', roles: ['gateway'] },
  ],
};
const GATEWAYS = ['g1', 'g2'];
const AUTHORITY = '/etc/caisson/pki/ca.crt';

/** Registers the tests of two gateways with an address that one of them has. */
export function movingAddress(side: GetSide): void {
  let site: Site;
  let address: string;
  let untouched: Untouched;

  beforeAll(async () => {
    site = await openSite(side(), CLUSTER);
    address = site.address('m1').replace(/\d+$/, '200');
    const chosen = `"vip":{"choice":"keepalived","address":"${address}"}`;
    await site.bash(site.seed, 'sed -i "s|^options: {|&$1,|" "$2"', chosen, `${CARRIED}/cluster.yaml`);
    untouched = await listHosts(site);
  });
  afterAll(async () => {
    await site?.stop();
  });

  /** Gateways that have the address. */
  const holders = async (): Promise<readonly string[]> => {
    const has = await Promise.all(GATEWAYS.map((node) => site.bash(node, 'ip -o address show to "$1"', address)));
    return GATEWAYS.filter((_, index) => has[index] !== '');
  };
  const catalog = (): Promise<string> => httpsGet(site, 'm1', 'goodrain.me', '/v2/_catalog', AUTHORITY);

  it('has the address on one gateway, and leads the names of the platform there', async () => {
    const ran = await runInstall(site);
    expect(ran.status, ran.stderr).toBe(0);
    console.log(`      installed with a moving address in ${Math.round(ran.seconds)} s`);
    await untilHealthy(site, 60_000);
    expect(await holders()).toHaveLength(1);
    for (const name of ['goodrain.me', 'kubeapi.goodrain.me'])
      for (const node of site.nodes) expect(await site.bash(node, `getent ahostsv4 "$1" | cut -d ' ' -f 1 | sort -u`, name)).toBe(address);
    expect(await catalog()).toMatch(/^HTTP\/1\.[01] 200 /m);
    const check =
      'openssl s_client -no-CAfile -no-CApath -CAfile "$2" -verify_return_error -verify_ip "$1" -connect "$1:443" </dev/null 2>&1';
    expect(await site.bash('m1', check, address, AUTHORITY)).toContain('Verify return code: 0 (ok)');
    const lookup = 'docker exec rbd-dns nslookup -type=a goodrain.me "$1"';
    for (const node of site.nodes) expect(await site.bash('m1', lookup, site.address(node))).toContain(`Address: ${address}`);
  });

  it('keeps the password of the gateways from other users', async () => {
    for (const node of GATEWAYS) {
      const modes = await site.bash(
        node,
        'stat --format=%a /etc/keepalived/keepalived.conf /opt/rainbond/bin/vip-settings /run/rainbond-vip/settings',
      );
      expect(modes.split('\n')).toEqual(['600', '700', '600']);
    }
  });

  it('moves it to the other gateway when the first stops, where everything answers, and leaves it there', async () => {
    const [first = ''] = await holders();
    await site.bash(first, 'systemctl stop rbd-gateway');
    const stopped = performance.now();
    const [other = ''] = GATEWAYS.filter((node) => node !== first);
    await eventually(60_000, async () => expect(await holders()).toEqual([other]));
    await eventually(30_000, async () => expect(await catalog()).toMatch(/^HTTP\/1\.[01] 200 /m));
    console.log(`      the other gateway answered at the address after ${((performance.now() - stopped) / 1000).toFixed(1)} s`);
    await site.bash(first, 'systemctl start rbd-gateway');
    await untilHealthy(site, 60_000);
    expect(await holders()).toEqual([other]);
    await site.bash(other, 'systemctl stop keepalived');
    await eventually(60_000, async () => expect(await holders()).toEqual([first]));
    await site.bash(other, 'systemctl start keepalived');
    await untilHealthy(site, 60_000);
  });

  it('is gone with the cluster, as all else', async () => {
    const ran = await site.try(site.seed, '"$@"', { parameters: [`${CARRIED}/caisson`, '--json', 'reset', '--purge', '--yes'] });
    const report = reportOf(ran, 0);
    expect(report.status, report.stderr).toBe(0);
    expect(await holders()).toEqual([]);
    const now = await listHosts(site);
    for (const node of site.nodes) expect([node, ...changes(untouched[node] ?? [], now[node] ?? [])]).toEqual([node]);
  });
}
