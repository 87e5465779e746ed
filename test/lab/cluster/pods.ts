import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import { INSTALL, type LabCluster } from '../scenario.ts';
import { runInstall } from './installer.ts';
import { untilHealthy } from './observe.ts';
import { expectPlatformWorks } from './platform.ts';
import { pushImage } from './push-image.ts';
import { openSite, type GetSide, type Site } from './site.ts';
import { webApplication } from './web-application.ts';

/** Registers the tests of a Kubernetes whose pods talk to each other over the network of this backend. */
export function pods(side: GetSide, backend: 'vxlan' | 'host-gw'): void {
  const cluster: LabCluster = {
    name: 'pods',
    lab: `pods-${backend}`,
    kubernetes: true,
    options: { network: { choice: 'flannel', backend } },
    nodes: [
      { name: 'm1', roles: ['manage', 'gateway'] },
      { name: 'c1', roles: ['compute'] },
      { name: 'c2', roles: ['compute'] },
    ],
  };
  let site: Site;

  beforeAll(async () => {
    site = await openSite(side(), cluster);
  });
  afterAll(async () => {
    await site?.stop();
  });

  async function podAddresses(): Promise<readonly { readonly node: string; readonly address: string; readonly name: string }[]> {
    const listed = await site.bash(
      'm1',
      `kubectl get pods --selector=app=web --output=jsonpath='{range .items[*]}{.spec.nodeName} {.status.podIP} {.metadata.name}{"\\n"}{end}'`,
    );
    return listed
      .trim()
      .split('\n')
      .map((line) => {
        const [node = '', address = '', name = ''] = line.split(' ');
        return { node, address, name };
      });
  }

  it('is installed, and its nodes are ready', async () => {
    const ran = await runInstall(site, INSTALL);
    console.log(`      installed with Kubernetes after ${Math.round(ran.seconds)} s`);
    expect(ran.status, ran.stderr).toBe(0);
    await eventually(120_000, async () => {
      const ready = await site.bash(
        'm1',
        `kubectl get nodes --output=jsonpath='{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status} {end}'`,
      );
      expect(ready.trim()).toBe('c1=True c2=True');
    });
  });

  it('has the platform itself at work, and a way to etcd on hosts that are no member', async () => {
    await expectPlatformWorks(site, 'm1');
    const put = 'docker exec --env=ETCDCTL_API=3 "$1" etcdctl --endpoints=http://127.0.0.1:2379';
    await site.bash('c1', `${put} put /from/c1 here`, 'etcd-proxy');
    expect(await site.bash('m1', `${put} get --print-value-only /from/c1`, 'etcd')).toBe('here');
  });

  it('runs pods from an image of its own registry, pulled by name and with the certificate that hosts trust', async () => {
    // Pushed as an operator pushes: by the engine of a host, through the gateway.
    await pushImage(site, 'm1', 'goodrain.me/rbd-dns:latest', 'goodrain.me/web:1');
    const applied = await site.try('m1', 'kubectl apply --filename=-', { input: webApplication('goodrain.me/web:1', { apart: 'always' }) });
    expect(applied.status, applied.stderr).toBe(0);
    await site.bash('m1', 'kubectl rollout status deployment/web --timeout=180s');
    expect((await podAddresses()).map(({ node }) => node).sort()).toEqual(['c1', 'c2']);
  });

  it('lets pods of different hosts reach each other, by address, by the address of a service and by its name', async () => {
    const found = await podAddresses();
    for (const from of found)
      for (const to of found)
        expect(await site.bash('m1', `kubectl exec ${from.name} -- busybox wget -q -O - http://${to.address}:8080/`)).toBe(to.name);
    const service = await site.bash('m1', `kubectl get service web --output=jsonpath='{.spec.clusterIP}'`);
    const [first] = found;
    for (const host of [service, 'web', 'web.default.svc.cluster.local', 'goodrain.me'])
      await eventually(60_000, async () => {
        const answer = await site.bash(
          'm1',
          `kubectl exec ${first?.name ?? ''} -- busybox nslookup "$1" || true; kubectl exec ${first?.name ?? ''} -- busybox wget -q -O - "http://$1/" 2>&1 || true`,
          host,
        );
        if (host === 'goodrain.me') expect(answer).toContain(site.address('m1'));
        else expect(found.map(({ name }) => name)).toContain(answer.split('\n').at(-1));
      });
  });

  it('is reached from outside on a port of every host that runs applications', async () => {
    const names = (await podAddresses()).map(({ name }) => name);
    for (const node of ['c1', 'c2']) {
      const answer = await site.bash(
        'm1',
        'exec 3<>"/dev/tcp/$1/30080"; printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3; tail -n 1 <&3',
        site.address(node),
      );
      expect(names).toContain(answer.trim());
    }
  });

  it('lets no stranger in', async () => {
    const script = 'printf "GET %s HTTP/1.0\\r\\n\\r\\n" "$2" | timeout 10 openssl s_client -quiet -connect "$1" 2>/dev/null | head -n 1';
    for (const [address, path] of [
      [`${site.address('m1')}:6442`, '/api'],
      [`${site.address('m1')}:6443`, '/api'],
      [`${site.address('c1')}:10250`, '/pods'],
    ] as const)
      expect(await site.bash('m1', script, address, path), address).toContain('401 Unauthorized');
  });

  it('changes nothing in a second run', async () => {
    const again = await runInstall(site, ['install', '--offline']);
    expect(again.status, again.stderr).toBe(0);
    expect(again.result).toMatchObject({ changed: 0 });
  });

  it('moves the pods of a host that leaves', async () => {
    const removed = await site.caisson('node', 'remove', 'c2', '--yes');
    expect(removed.status, removed.stderr).toBe(0);
    expect(await site.bash('m1', 'kubectl get nodes --output=name')).toBe('node/c1');
    await untilHealthy(site, 60_000);
  });
}
