import { afterAll, beforeAll, expect, it } from 'vitest';
import { CARRIED, type LabCluster } from '../scenario.ts';
import { changes, listHosts, type Untouched } from './host-list.ts';
import { reportOf, runInstall } from './installer.ts';
import { untilHealthy } from './observe.ts';
import { openSite, type GetSide, type Site } from './site.ts';

const CLUSTER: LabCluster = {
  name: 'taken',
  nodes: [
    { name: 'm1', roles: ['manage', 'gateway'] },
    { name: 'c1', roles: ['compute'] },
  ],
};

/** Calls the engine again and again while it is there: each call would start it by its socket, as a command does that a killed run left. */
const CALL_ENGINE = `setsid bash -c 'while command -v docker; do docker ps; sleep 0.05; done' </dev/null >/dev/null 2>&1 &`;

/** Ends well where the engine has made its bridge and its chains. */
const HAS_BRIDGE = 'ip link show docker0 >/dev/null && iptables -S | grep -q DOCKER';

/** Registers the tests of a cluster that is installed, taken away with its data, and installed again. */
export function takenAway(side: GetSide): void {
  let site: Site;
  let untouched: Untouched;

  beforeAll(async () => {
    site = await openSite(side(), CLUSTER);
    untouched = await listHosts(site);
  });
  afterAll(async () => {
    await site?.stop();
  });

  const expectUntouched = async (): Promise<void> => {
    const now = await listHosts(site);
    for (const node of site.nodes) expect([node, ...changes(untouched[node] ?? [], now[node] ?? [])]).toEqual([node]);
  };

  async function reset(): Promise<void> {
    const started = performance.now();
    const ran = await site.try(site.seed, '"$@"', { parameters: [`${CARRIED}/caisson`, '--json', 'reset', '--purge', '--yes'] });
    const report = reportOf(ran, (performance.now() - started) / 1000);
    expect(report.status, report.stderr).toBe(0);
    console.log(`      reset of two hosts: ${report.result?.steps} steps in ${report.seconds.toFixed(1)} s`);
  }

  it('leaves its hosts as they were, the bridge and the chains of the engine included, whatever calls the engine meanwhile', async () => {
    const ran = await runInstall(site);
    expect(ran.status, ran.stderr).toBe(0);
    console.log(`      install of two hosts: ${ran.seconds.toFixed(1)} s`);
    for (const node of site.nodes) await site.bash(node, HAS_BRIDGE);
    await site.bash('c1', CALL_ENGINE);
    await reset();
    await expectUntouched();
  });

  it('is installed a second time, is well, and goes as well', async () => {
    const ran = await runInstall(site);
    expect(ran.status, ran.stderr).toBe(0);
    await untilHealthy(site, 60_000);
    expect((await runInstall(site)).result).toMatchObject({ changed: 0 });
    // A rule of the site keeps its chain.
    await site.bash('c1', 'iptables -I DOCKER-USER -i lo -j ACCEPT');
    await reset();
    const rules = await site.bash('c1', 'iptables -S');
    expect(rules.split('\n').filter((line) => line.includes('DOCKER'))).toEqual([
      '-N DOCKER-USER',
      '-A FORWARD -j DOCKER-USER',
      '-A DOCKER-USER -i lo -j ACCEPT',
      '-A DOCKER-USER -j RETURN',
    ]);
    await site.bash('c1', 'iptables -D FORWARD -j DOCKER-USER; iptables -F DOCKER-USER; iptables -X DOCKER-USER');
    await expectUntouched();
  });
}
