import { expect } from 'vitest';
import { eventually } from '../eventually.ts';
import type { Site } from './site.ts';

/** Containers of the platform itself on a manager, beside those that a cluster without Kubernetes has, too. */
export const PLATFORM_CONTAINERS = [
  'kube-state-metrics',
  'mysqld-exporter',
  'rbd-api',
  'rbd-app-ui',
  'rbd-chaos',
  'rbd-eventlog',
  'rbd-mq',
  'rbd-repo',
  'rbd-webcli',
  'rbd-worker',
] as const;

/**
 * Expects of a cluster with Kubernetes that the platform itself works: its API takes clients with a certificate of the region and no
 * others, the console answers, libraries come through the gateway, the monitor reads its exporters, and no password is in a unit.
 */
export async function expectPlatformWorks(site: Site, manager: string): Promise<void> {
  const region = '/opt/rainbond/etc/rbd-api/region.goodrain.me';
  const api = `printf 'GET /v2/health HTTP/1.0\\r\\n\\r\\n' | timeout 10 openssl s_client -quiet -verify_return_error -verify_hostname region.goodrain.me -connect region.goodrain.me:8443 -CAfile ${region}/ssl/ca.pem "$@" 2>&1`;
  const own = ['-cert', `${region}/client/client.pem`, '-key', `${region}/client/client.key.pem`];
  expect(await site.bash(manager, api, ...own)).toContain('{"healthy":true');
  const strangers = [[], ['-cert', '/etc/caisson/pki/node.crt', '-key', '/etc/caisson/pki/node.key']];
  for (const stranger of strangers) {
    const answer = await site.bash(manager, `${api} || true`, ...stranger);
    expect(answer).toContain('alert');
    expect(answer).not.toContain('healthy');
  }
  const get = (host: string, port: number, path: string): Promise<string> =>
    site.bash(
      manager,
      'exec 3<>"/dev/tcp/$1/$2"; printf "GET $3 HTTP/1.0\\r\\nHost: $1\\r\\n\\r\\n" >&3; timeout 10 cat <&3',
      host,
      String(port),
      path,
    );
  expect(await get('127.0.0.1', 7070, '/')).toContain('200 OK');
  const libraries =
    "printf 'GET /artifactory/ HTTP/1.0\\r\\nHost: maven.goodrain.me\\r\\n\\r\\n' | timeout 10 openssl s_client -quiet -servername maven.goodrain.me -verify_hostname maven.goodrain.me -verify_return_error -CAfile /etc/caisson/pki/ca.crt -connect maven.goodrain.me:443 2>/dev/null";
  expect(await site.bash(manager, libraries)).toContain('200 OK');
  await eventually(90_000, async () => {
    const targets = JSON.parse((await get('127.0.0.1', 9999, '/api/v1/targets')).split('\r\n\r\n')[1] ?? '') as {
      data: { activeTargets: { labels: { job: string }; health: string }[] };
    };
    const health = Object.fromEntries(targets.data.activeTargets.map(({ labels, health: word }) => [labels.job, word]));
    const jobs = ['prometheus', 'etcd', 'caisson-agents', 'caisson-seed', 'kube-state-metrics', 'mysqld-exporter'];
    expect(health).toEqual(Object.fromEntries(jobs.map((job) => [job, 'up'])));
  });
  // A target is up before the first series of what it knows by its neighbours, such as the nodes of Kubernetes.
  await eventually(90_000, async () => {
    const query = (text: string): Promise<string> => get('127.0.0.1', 9999, `/api/v1/query?query=${text}`);
    expect(await query('kube_node_info')).toContain('"node":');
    expect(await query('caisson_component_healthy{component="etcd"}')).toMatch(/"value":\[[^,]+,"1"\]/);
    expect(await query('mysql_up')).toMatch(/"value":\[[^,]+,"1"\]/);
    expect(await query('caisson_certificate_not_after_timestamp_seconds{component="etcd"}')).toContain('"node":');
    // The rules of the manifests are loaded.
    expect(await get('127.0.0.1', 9999, '/api/v1/rules')).toContain('"EtcdWithoutQuorum"');
    expect(await query('caisson_task_due_timestamp_seconds{task="renewal"}')).toContain('"job":"caisson-seed"');
  });
  const holders = (...places: readonly string[]): Promise<string> =>
    site.bash(manager, 'for file in /var/lib/caisson/secrets/*; do grep -rlFf "$file" "$@" || true; done', ...places);
  expect(await holders('/opt/rainbond/etc')).toContain('/opt/rainbond/etc/rbd-api/database');
  expect(await holders('/etc/systemd', '/opt/rainbond/conf')).toBe('');
}

/** Expects that a program of the platform says unhealthy while its database is away, by its own health address. */
export async function expectNeighboursMatter(site: Site, manager: string): Promise<void> {
  const health = 'exec 3<>/dev/tcp/127.0.0.1/8888; printf "GET /v2/health HTTP/1.0\\r\\n\\r\\n" >&3; timeout 10 cat <&3';
  await site.bash(manager, 'docker pause rbd-db');
  try {
    await eventually(30_000, async () => expect(await site.bash(manager, health)).toMatch(/503 Service Unavailable[\s\S]*database: /));
  } finally {
    await site.bash(manager, 'docker unpause rbd-db');
  }
  await eventually(60_000, async () => expect(await site.bash(manager, health)).toContain('200 OK'));
}
