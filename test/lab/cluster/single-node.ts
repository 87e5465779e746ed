import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import type { LabCluster } from '../scenario.ts';
import { runInstall } from './installer.ts';
import { documentedSockets, listeningSockets } from './listening.ts';
import { clusterState, containersOf, httpsGet, promised } from './observe.ts';
import { expectNeighboursMatter, expectPlatformWorks, PLATFORM_CONTAINERS } from './platform.ts';
import { openSite, type GetSide, type Site } from './site.ts';

const CLUSTER: LabCluster = {
  name: 'single',
  kubernetes: true,
  ssh: false,
  nodes: [{ name: 'n1', roles: ['manage', 'gateway', 'compute'] }],
};

/** Registers the tests of a cluster of one host, the seed, with its own Kubernetes, on which no sshd runs. */
export function singleNode(side: GetSide): void {
  let site: Site;

  beforeAll(async () => {
    site = await openSite(side(), CLUSTER);
    await site.bash(
      'n1',
      'systemctl disable --now ssh.socket ssh.service sshd.service 2>/dev/null || true; ! ss -Hlnt "sport = :22" | grep .',
    );
  });
  afterAll(async () => {
    await site?.stop();
  });

  it('is installed without SSH, and is refused to a second installer meanwhile', async () => {
    const first = runInstall(site);
    // The first takes the lock before it opens the bundle; the second is refused as soon as it gets there.
    const second = await runInstall(site);
    const both = [await first, second];
    expect(both.map(({ status }) => status).sort((left, right) => left - right)).toEqual([0, 7]);
    const refused = both.find(({ status }) => status === 7);
    expect(refused?.stderr).toContain('another install runs on this machine');
    expect(refused?.finished).toEqual([]);
  });

  it('runs all components of all roles, healthy, from the images of the bundle', async () => {
    const report = await clusterState(site);
    expect(report).toMatchObject({ status: 0, healthy: true });
    const containers = await containersOf(site, 'n1');
    const control = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
    const base = ['etcd', 'rbd-db', 'rbd-dns', 'rbd-gateway', 'rbd-hub', 'rbd-monitor'];
    expect(containers.map(({ name }) => name)).toEqual([...control, ...base, ...PLATFORM_CONTAINERS].sort());
    expect(containers.map(({ name, imageId }) => [name, imageId])).toEqual(promised(side().manifest, containers));
    expect(await httpsGet(site, 'n1', 'goodrain.me', '/v2/_catalog', '/etc/caisson/pki/ca.crt')).toContain('200 OK');
  });

  it('has the platform itself at work, each program with what it needs', async () => {
    await expectPlatformWorks(site, 'n1');
    await expectNeighboursMatter(site, 'n1');
  });

  it('listens where docs/sockets.md says, and nowhere else', async () => {
    // This host has no sshd.
    const documented = (await documentedSockets()).filter((socket) => socket !== 'tcp any 22').toSorted();
    await eventually(60_000, async () => expect(await listeningSockets(site, 'n1')).toEqual(documented));
  });

  it('has a Kubernetes that runs a pod', async () => {
    await eventually(120_000, async () => {
      const ready = `{.items[*].status.conditions[?(@.type=="Ready")].status}`;
      expect(await site.bash('n1', 'kubectl get nodes --output="jsonpath=$1"', ready)).toBe('True');
    });
    const command =
      'kubectl run once --image=goodrain.me/rbd-dns:latest --image-pull-policy=Never --restart=Never --command -- /bin/echo here';
    await site.bash('n1', command);
    await eventually(120_000, async () => expect(await site.bash('n1', 'kubectl logs once')).toBe('here'));
  });

  it('is not changed by a second run', async () => {
    expect((await runInstall(site)).result).toMatchObject({ changed: 0 });
  });
}
