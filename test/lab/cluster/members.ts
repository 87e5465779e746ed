import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CARRIED, clusterYaml, INSTALL, type LabCluster } from '../scenario.ts';
import { runInstall, type InstallReport } from './installer.ts';
import { untilHealthy } from './observe.ts';
import { openSite, siteWith, type GetSide, type Site } from './site.ts';

const FIRST = { name: 'm1', roles: ['manage', 'gateway', 'compute'] };
const MANAGERS = ['m1', 'm2', 'm3', 'm4', 'm5'];
const CLUSTER: LabCluster = { name: 'members', nodes: [FIRST], spare: MANAGERS.slice(1) };

/** Numbers that etcd said it had taken, one a line, on the first manager. */
const TAKEN = '/var/tmp/taken';
/** Writes a number after the other into etcd by the member of its own host, and notes those that were taken. */
const WRITER = `#!/bin/bash
number=0
while :; do
  number=$((number + 1))
  if docker exec etcd etcdctl put "writer/$number" "$number" > /dev/null 2>&1; then echo "$number" >> ${TAKEN}; else echo "$number" >> ${TAKEN}.refused; fi
done
`;

/** Registers the tests of an etcd that grows from one member to five and shrinks to three under a writer. */
export function members(side: GetSide): void {
  let site: Site;

  beforeAll(async () => {
    site = await openSite(side(), CLUSTER);
  });
  afterAll(async () => {
    await site?.stop();
  });

  /** Writes cluster.yaml anew for these managers, and installs. */
  async function install(names: readonly string[], words: readonly string[] = []): Promise<InstallReport> {
    const nodes = names.map((name) => (name === FIRST.name ? FIRST : { name, roles: ['manage'] }));
    const file = join(side().connected.directory, 'members.yaml');
    await writeFile(file, clusterYaml(site.lab, { ...CLUSTER, nodes }));
    await site.lab.copyTo(site.seed, file, `${CARRIED}/cluster.yaml`);
    site = siteWith(site, site.seed, names);
    const ran = await runInstall(site, [...INSTALL, ...words]);
    console.log(`      ${names.length} managers: status ${ran.status} after ${Math.round(ran.seconds)} s`);
    return ran;
  }

  /** Names of the members that vote, asked of the member on `node`. Throws while one is a learner or has not started. */
  async function voters(node: string): Promise<readonly string[]> {
    const listed = await site.bash(node, 'docker exec etcd etcdctl member list');
    const rows = listed.split('\n').map((line) => line.split(', '));
    if (rows.some((columns) => columns[1] !== 'started' || columns[5] !== 'false')) throw new Error(`Not all members vote: ${listed}`);
    return rows.map((columns) => columns[2] ?? '').sort();
  }

  async function expectNothingLost(): Promise<number> {
    const taken = (await site.bash('m1', `cat ${TAKEN}`)).split('\n');
    const kept = await site.bash('m1', 'docker exec etcd etcdctl get --prefix --keys-only writer/');
    const numbers = new Set(kept.split('\n').map((key) => key.replace('writer/', '')));
    expect(taken.filter((number) => !numbers.has(number))).toEqual([]);
    return taken.length;
  }

  it('has one member at first, which a writer writes to', async () => {
    const ran = await install(['m1']);
    expect(ran.status, ran.stderr).toBe(0);
    expect(await voters('m1')).toEqual(['m1']);
    await site.lab.exec('m1', ['sh', '-c', 'cat > /var/tmp/writer && chmod 0755 /var/tmp/writer'], { input: WRITER });
    await site.bash('m1', 'systemd-run --quiet --unit=writer /var/tmp/writer');
  });

  it('is refused a second member without a third', async () => {
    const ran = await install(['m1', 'm2']);
    expect(ran.status).not.toBe(0);
    expect(ran.stderr).toContain('etcd');
  });

  it('grows to three and to five, each member with its vote', async () => {
    for (const count of [3, 5]) {
      const names = MANAGERS.slice(0, count);
      const ran = await install(names);
      expect(ran.status, ran.stderr).toBe(0);
      for (const name of names) expect(await voters(name)).toEqual(names);
    }
    expect(await expectNothingLost()).toBeGreaterThan(10);
    expect((await runInstall(site, ['install', '--offline'])).result).toMatchObject({ changed: 0 });
  });

  it('serves while a member is away', async () => {
    await site.bash('m5', 'systemctl stop etcd');
    await site.bash('m1', 'docker exec etcd etcdctl put away yes');
    await site.bash('m5', 'systemctl start etcd');
    await untilHealthy(site, 60_000);
    expect(await site.bash('m5', 'docker exec etcd etcdctl get --print-value-only away')).toBe('yes');
  });

  it('shrinks to three, and those that left are no members', async () => {
    const ran = await install(['m1', 'm2', 'm3'], ['--purge']);
    expect(ran.status, ran.stderr).toBe(0);
    expect(await voters('m2')).toEqual(['m1', 'm2', 'm3']);
    for (const gone of ['m4', 'm5']) expect((await site.try(gone, 'ls /opt/rainbond/data/etcd')).status).not.toBe(0);
    await site.bash('m1', 'systemctl stop writer');
    const taken = await expectNothingLost();
    const refused = (await site.try('m1', `wc -l < ${TAKEN}.refused`)).stdout.trim();
    console.log(`      the writer wrote ${taken} keys, ${refused === '' ? 0 : refused} were refused`);
  });
}
