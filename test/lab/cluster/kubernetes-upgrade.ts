import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import { RELEASE_BEFORE, SHIPPED_RELEASE, WEB_IMAGE } from '../images/kubernetes-recipes.ts';
import { CARRIED, INSTALL, type LabCluster } from '../scenario.ts';
import { runInstall } from './installer.ts';
import { buildKubernetesBundle } from './kubernetes.ts';
import { openSite, type GetSide, type Site } from './site.ts';
import { webApplication } from './web-application.ts';

const CLUSTER: LabCluster = {
  name: 'kube',
  lab: 'kube-up',
  platform: 'kubernetes',
  // systemd of these hosts may not make control groups.
  yaml: "variables: { systemdCgroup: 'false' }\n",
  nodes: [
    { name: 'm1', roles: ['control-plane'] },
    { name: 'm2', roles: ['control-plane'] },
    { name: 'm3', roles: ['control-plane'] },
    { name: 'w1', roles: ['worker'] },
    { name: 'w2', roles: ['worker'] },
  ],
};

/**
 * Until the file /run/watched goes: asks the application on each address of "$@" and the API server, several times a second, and writes a
 * line for each answer, with a "-" where there was none; and the names of the nodes that take no pods.
 */
const WATCH = `
set +e
touch /run/watched
while [ -e /run/watched ]; do
  for address do
    answer=$(printf 'GET / HTTP/1.0\\r\\n\\r\\n' | timeout 3 bash -c 'exec 3<>/dev/tcp/'"$address"'/30080; cat >&3; cat <&3' 2>/dev/null | tail -n 1)
    echo "web $address \${answer:--}"
  done
  # By the name that leads to all API servers, as workers do it.
  if timeout 5 kubectl --server=https://api.kubernetes.internal:6443 get namespace default >/dev/null 2>&1; then
    echo 'api ok'
  else
    echo 'api -'
  fi
  echo "away $(timeout 5 kubectl get nodes --output=jsonpath='{.items[?(@.spec.unschedulable==true)].metadata.name}' 2>/dev/null)"
  sleep 0.2
done
exit 0`;

/** Registers the tests of an upgrade of a whole cluster by one minor release. */
export function kubernetesUpgrade(side: GetSide): void {
  let site: Site;
  beforeAll(async () => {
    site = await openSite(side(), CLUSTER);
    const newer = await buildKubernetesBundle(side().connected, SHIPPED_RELEASE);
    await site.lab.copyTo(site.seed, newer.path, `${CARRIED}/newer.tar`);
  });
  afterAll(async () => {
    await site?.stop();
  });

  const versions = async (): Promise<readonly string[]> => {
    const lines = await site.bash(
      'm1',
      `kubectl get nodes --output=jsonpath='{range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status} {.status.nodeInfo.kubeletVersion} {.spec.unschedulable}{"\\n"}{end}'`,
    );
    return lines.split('\n').map((line) => line.trim());
  };
  const allOf = (version: string): readonly string[] => ['w1', 'w2'].map((name) => `${name} True v${version}`);

  it('begins with the release before', async () => {
    const ran = await runInstall(site, INSTALL);
    expect(ran.status, ran.stderr).toBe(0);
    await eventually(120_000, async () => expect(await versions()).toEqual(allOf(RELEASE_BEFORE.version)));
    const applied = await site.try('m1', 'kubectl apply --filename=-', {
      input: webApplication(WEB_IMAGE, { apart: 'wished', isGuarded: true }),
    });
    expect(applied.status, applied.stderr).toBe(0);
    await site.bash('m1', 'kubectl rollout status deployment/web --timeout=180s');
  });

  it('goes node by node to the shipped release, while the application and the API are asked all the time', async () => {
    const watching = site.bash('m3', WATCH, site.address('w1'), site.address('w2'));
    const ran = await runInstall(site, ['upgrade', '--bundle', `${CARRIED}/newer.tar`, '--unsigned']);
    await site.bash('m3', 'rm -f /run/watched');
    const seen = (await watching).split('\n');
    expect(ran.status, ran.stderr).toBe(0);
    const counted = (word: string): string => {
      const all = seen.filter((line) => line.startsWith(word));
      return `${all.filter((line) => line.endsWith('-')).length} of ${all.length}`;
    };
    console.log(
      `      Kubernetes upgraded after ${Math.round(ran.seconds)} s; without an answer: application ${counted('web')}, API ${counted('api')}`,
    );
    const away = new Set(seen.flatMap((line) => (line.startsWith('away ') ? [line.slice(5).trim()] : [])));
    expect([...away].sort()).toEqual(['', 'w1', 'w2']);
    expect(seen.filter((line) => line.startsWith('web') && line.endsWith('-'))).toEqual([]);
    expect(await versions()).toEqual(allOf(SHIPPED_RELEASE.version));
    const order = ran.finished.map(([id]) => id).filter((id) => /kube-node-(evacuate|uncordon)|w\d\/kubelet-start/.test(id));
    expect(order).toEqual(
      ['w1', 'w2'].flatMap((name) => [
        `actions/${name}/kube-node-evacuate`,
        `start-components/${name}/kubelet-start`,
        `actions/${name}/kube-node-uncordon`,
      ]),
    );
    await site.bash('m1', 'kubectl rollout status deployment/web --timeout=180s');
  });

  it('kept the state of before on one control plane', async () => {
    const kept = await Promise.all(
      ['m1', 'm2', 'm3'].map((name) => site.bash(name, 'ls /var/lib/etcd/before-upgrade.db 2>/dev/null || true')),
    );
    expect(kept.filter((line) => line !== '')).toHaveLength(1);
  });

  it('changes nothing in a second run', async () => {
    const again = await runInstall(site, ['install', '--offline']);
    expect(again.status, again.stderr).toBe(0);
    expect(again.result, again.stderr).toMatchObject({ changed: 0 });
  });

  it('restores the state of the cluster from a backup, on all control planes', async () => {
    await site.bash('m1', 'kubectl create configmap kept --from-literal=word=before');
    await site.bash(site.seed, 'umask 077; echo a passphrase of the lab > /root/passphrase');
    const saved = await site.caisson('backup', '--output', '/root/site.gpg', '--passphrase-file', '/root/passphrase');
    expect(saved.status, saved.stderr).toBe(0);
    await site.bash('m1', 'kubectl delete configmap kept');
    const restored = await site.caisson('restore', '/root/site.gpg', '--passphrase-file', '/root/passphrase', '--data', '--yes');
    expect(restored.status, restored.stderr).toBe(0);
    await eventually(120_000, async () => {
      expect(await site.bash('m2', `kubectl get configmap kept --output=jsonpath='{.data.word}'`)).toBe('before');
    });
    await eventually(180_000, async () => expect(await versions()).toEqual(allOf(SHIPPED_RELEASE.version)));
    await site.bash('m1', 'kubectl rollout status deployment/web --timeout=180s');
  });
}
