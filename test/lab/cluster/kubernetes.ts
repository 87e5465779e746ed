import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BundleManifest } from '../../../src/bundle/index.ts';
import { eventually } from '../eventually.ts';
import {
  KUBERNETES_RECIPES,
  KUBERNETES_RECIPES_BEFORE,
  SHIPPED_RELEASE,
  WEB_IMAGE,
  type KubernetesRelease,
} from '../images/kubernetes-recipes.ts';
import { run } from '../run.ts';
import { buildLabBundle, INSTALL, startConnected, type Bundle, type Connected, type LabCluster } from '../scenario.ts';
import { repositoryRoot } from '../state.ts';
import { runInstall } from './installer.ts';
import { documentedSockets, listeningSockets } from './listening.ts';
import { openSite, type GetSide, type Side, type Site } from './site.ts';
import { webApplication } from './web-application.ts';

const PLATFORM = join(repositoryRoot(), 'manifests/platforms/kubernetes');

/** Builds the bundle of the platform kubernetes before the tests of a file, with an image of an application in it. */
export function useKubernetesSide(release = SHIPPED_RELEASE): GetSide {
  let connected: Connected | undefined;
  let side: Side | undefined;
  beforeAll(async () => {
    const platform = release === SHIPPED_RELEASE ? KUBERNETES_RECIPES : [...KUBERNETES_RECIPES_BEFORE, ...KUBERNETES_RECIPES];
    connected = await startConnected((line) => console.log(`      ${line}`), { platform });
    const bundle = await buildKubernetesBundle(connected, release);
    const { stdout } = await run(['tar', '--extract', '--to-stdout', '--file', bundle.path, 'bundle.json']);
    // What the build wrote into its own file; another test holds its format.
    side = { connected, bundle, manifest: JSON.parse(stdout) as BundleManifest };
  });
  afterAll(async () => {
    await connected?.stop();
  });
  return () => {
    if (side === undefined) throw new Error('The connected side is not there');
    return side;
  };
}

/** Builds a bundle of the platform with a release of Kubernetes, from the shipped manifests with its version in place of theirs. */
export async function buildKubernetesBundle(connected: Connected, { version }: KubernetesRelease): Promise<Bundle> {
  const manifests = join(connected.directory, `kubernetes-${version}`);
  await cp(PLATFORM, manifests, { recursive: true });
  for (const file of await readdir(manifests, { recursive: true })) {
    const path = join(manifests, file);
    if (!/\.(yaml|txt)$/.test(path)) continue;
    await writeFile(path, (await readFile(path, 'utf8')).replaceAll(SHIPPED_RELEASE.version, version));
  }
  const list = `${await readFile(join(manifests, 'images.txt'), 'utf8')}\n${WEB_IMAGE}\n`;
  return buildLabBundle(connected, `bundle-${version}`, ['--version', version], manifests, list);
}

/** What a host has of its own, for a comparison: what is below /opt, mounts, links, packet filter, packages, units. */
const STATE = `
set +e +o pipefail
echo links; ip -o link | cut -d: -f2 | cut -d@ -f1 | sort
echo mounts; awk '{ print $2 }' /proc/mounts | grep -E '^/(opt|run/containerd|run/netns|var/lib/kubelet)' | sort
echo filter; for table in filter nat mangle; do iptables-save -t $table 2>/dev/null | grep -E '^(:KUBE|:FLANNEL|:CNI|-A .*(KUBE-|FLANNEL|CNI-))' ; done
echo opt; find /opt | sort
echo units; ls /etc/systemd/system/*.service 2>/dev/null
echo processes; for each in containerd containerd-shim kubelet kube-proxy kube-apiserver etcd flanneld coredns; do pgrep -x "$each" >/dev/null && echo "$each"; done
echo packages; dpkg-query --show --showformat='\${db:Status-Abbrev}\${Package}\\n' | grep '^ii' | sort
exit 0`;

/** Registers the tests of a cluster of the platform kubernetes: what every such cluster does, whatever its hosts. */
export function kubernetes(side: GetSide, nodes: LabCluster['nodes']): void {
  const cluster: LabCluster = {
    name: 'kube',
    lab: `kube-${nodes.length}`,
    platform: 'kubernetes',
    // systemd of these hosts may not make control groups.
    yaml: "variables: { systemdCgroup: 'false' }\n",
    nodes,
  };
  const named = (role: string): string[] => nodes.filter(({ roles }) => roles.includes(role)).map(({ name }) => name);
  const [manager = '', ...managers] = named('control-plane');
  const workers = named('worker').sort();
  let site: Site;
  const before = new Map<string, string>();

  beforeAll(async () => {
    site = await openSite(side(), cluster);
    for (const { name } of nodes) before.set(name, await site.bash(name, STATE));
  });
  afterAll(async () => {
    await site?.stop();
  });

  async function pods(): Promise<
    readonly { readonly node: string; readonly address: string; readonly name: string; readonly image: string }[]
  > {
    const listed = await site.bash(
      manager,
      `kubectl get pods --selector=app=web --field-selector=status.phase=Running --output=jsonpath='{range .items[*]}{.spec.nodeName} {.status.podIP} {.metadata.name} {.status.containerStatuses[0].imageID}{"\\n"}{end}'`,
    );
    return listed
      .trim()
      .split('\n')
      .map((line) => {
        const [node = '', address = '', name = '', image = ''] = line.split(' ');
        return { node, address, name, image };
      });
  }

  it('is installed, and its nodes are ready', async () => {
    const ran = await runInstall(site, INSTALL);
    console.log(`      Kubernetes on ${nodes.length} hosts installed after ${Math.round(ran.seconds)} s`);
    expect(ran.status, ran.stderr).toBe(0);
    await eventually(120_000, async () => {
      const ready = await site.bash(
        manager,
        `kubectl get nodes --output=jsonpath='{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status}={.status.nodeInfo.kubeletVersion} {end}'`,
      );
      expect(ready.trim().split(' ').sort()).toEqual(workers.map((name) => `${name}=True=v${SHIPPED_RELEASE.version}`));
    });
  });

  it('runs pods from an image that containerd pulled from the depot, with the digest of the bundle', async () => {
    const applied = await site.try(manager, 'kubectl apply --filename=-', { input: webApplication(WEB_IMAGE, { apart: 'wished' }) });
    expect(applied.status, applied.stderr).toBe(0);
    await site.bash(manager, 'kubectl rollout status deployment/web --timeout=180s');
    const found = await pods();
    expect([...new Set(found.map(({ node }) => node))].sort()).toEqual(workers.slice(0, 2));
    const inBundle = side().manifest.images.find(({ name }) => name.endsWith(WEB_IMAGE));
    for (const { image } of found) expect(image).toContain(inBundle?.root.digest);
  });

  it('lets pods reach each other by address, by the address of a service and by its name', async () => {
    await site.bash(manager, 'kubectl --namespace=kube-system rollout status deployment/coredns --timeout=180s');
    const found = await pods();
    const names = found.map(({ name }) => name);
    for (const from of found)
      for (const to of found)
        expect(await site.bash(manager, `kubectl exec ${from.name} -- busybox wget -q -O - http://${to.address}:8080/`)).toBe(to.name);
    const service = await site.bash(manager, `kubectl get service web --output=jsonpath='{.spec.clusterIP}'`);
    for (const host of [service, 'web', 'web.default.svc.cluster.local'])
      await eventually(60_000, async () => {
        const answer = await site.bash(manager, `kubectl exec ${names[0] ?? ''} -- busybox wget -q -O - "http://$1/" 2>&1 || true`, host);
        expect(names).toContain(answer);
      });
  });

  it('measures nodes and pods', async () => {
    await site.bash(manager, 'kubectl --namespace=kube-system rollout status deployment/metrics-server --timeout=180s');
    await eventually(180_000, async () => {
      const nodes = await site.bash(manager, 'kubectl top nodes --no-headers');
      expect(nodes.split('\n').map((line) => line.split(' ', 1)[0])).toEqual(workers);
      const pod = (await pods())[0]?.name ?? '';
      expect(await site.bash(manager, `kubectl top pod ${pod} --no-headers`)).toContain(pod);
    });
    const service = await site.bash(
      manager,
      `kubectl get apiservice v1beta1.metrics.k8s.io --output=jsonpath='{.spec.insecureSkipTLSVerify}'`,
    );
    expect(service).toBe('');
  });

  it('takes away an add-on that its list has no more, and nothing else', async () => {
    const addons = (): Promise<string> => site.bash(manager, 'kubectl --namespace=kube-system get deployments --output=name');
    const all = 'deployment.apps/coredns\ndeployment.apps/metrics-server';
    expect(await addons()).toBe(all);
    await site.bash(manager, `sed "s/ metrics-server'/'/" /opt/kubernetes/bin/apply-addons | sh`);
    expect(await addons()).toBe('deployment.apps/coredns');
    await site.bash(manager, '/opt/kubernetes/bin/apply-addons');
    expect(await addons()).toBe(all);
    await site.bash(manager, 'kubectl --namespace=kube-system rollout status deployment/metrics-server --timeout=180s');
  });

  it('lets no stranger in', async () => {
    const script = 'printf "GET %s HTTP/1.0\\r\\n\\r\\n" "$2" | timeout 10 openssl s_client -quiet -connect "$1" 2>/dev/null | head -n 1';
    for (const [address, path] of [
      [`${site.address(manager)}:6443`, '/api'],
      [`${site.address(workers[0] ?? '')}:10250`, '/pods'],
    ] as const)
      expect(await site.bash(manager, script, address, path), address).toContain('401 Unauthorized');
    // In TLS 1.3 a server refuses a client after the handshake: the client has to wait for an answer.
    const request = 'printf "GET /version HTTP/1.0\\r\\n\\r\\n" | timeout 10 openssl s_client -quiet -connect "$1" 2>&1 || true';
    const etcd = await site.bash(manager, request, `${site.address(manager)}:2379`);
    expect(etcd).toContain('alert');
    expect(etcd).not.toContain('etcdserver');
  });

  it('listens where docs/sockets.md says, and nowhere else', async () => {
    const found = await Promise.all(nodes.map(({ name }) => listeningSockets(site, name)));
    expect([...new Set(found.flat())].sort()).toEqual([...(await documentedSockets('kubernetes'))].sort());
  });

  it('changes nothing in a second run', async () => {
    const again = await runInstall(site, ['install', '--offline']);
    expect(again.status, again.stderr).toBe(0);
    expect(again.result, again.stderr).toMatchObject({ changed: 0 });
  });

  it('keeps its pods while the runtime restarts', async () => {
    const started = (): Promise<string> =>
      site.bash(manager, `kubectl get pods --selector=app=web --output=jsonpath='{.items[*].status.containerStatuses[0].containerID}'`);
    const ids = await started();
    await site.bash(workers[0] ?? '', 'systemctl restart containerd');
    await eventually(60_000, async () => expect(await site.bash(workers[0] ?? '', 'systemctl is-active containerd')).toBe('active'));
    await site.bash(manager, 'kubectl rollout status deployment/web --timeout=60s');
    expect(await started()).toBe(ids);
  });

  if (managers.length > 0)
    it('goes on while one control plane is away', async () => {
      const members = await site.bash(
        manager,
        '/opt/kubernetes/bin/etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/opt/kubernetes/etc/etcd/ca.crt --cert=/opt/kubernetes/etc/etcd/tls.crt --key=/opt/kubernetes/etc/etcd/tls.key member list',
      );
      expect(members.split('\n').filter((line) => line.endsWith(', false'))).toHaveLength(managers.length + 1);
      await site.bash(manager, 'systemctl stop kube-apiserver etcd');
      try {
        const other = managers[0] ?? '';
        await eventually(60_000, async () => {
          await site.bash(other, 'kubectl scale deployment/web --replicas=3');
        });
        await site.bash(other, 'kubectl rollout status deployment/web --timeout=120s');
      } finally {
        await site.bash(manager, 'systemctl start etcd kube-apiserver');
      }
      await eventually(60_000, async () => {
        await site.bash(manager, 'kubectl get --raw=/readyz');
      });
    });

  it('leaves hosts as they were after a reset', async () => {
    const reset = await site.caisson('reset', '--purge', '--yes');
    expect(reset.status, reset.stderr).toBe(0);
    for (const { name } of nodes) expect(await site.bash(name, STATE), name).toBe(before.get(name));
  });
}
