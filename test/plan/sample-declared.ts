import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { openBundle, type BundleReader } from '../../src/bundle/index.ts';
import { parseClusterSpec, resolveTopology, type Topology } from '../../src/cluster/index.ts';
import { digestOf, fixedClock } from '../../src/core/index.ts';
import { loadManifests } from '../../src/manifests/index.ts';
import type { Declared, StagedBundleFile, Supply } from '../../src/plan/index.ts';
import { openSiteKeys, seedLayout } from '../../src/site/index.ts';
import { debianManifest } from '../support/debian-manifest.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { clusterYaml, MANIFESTS, THREE_NODES, writeSampleBundle } from '../support/sample-install.ts';
import { useSharedTempDir, useTempDir } from '../support/temp-dir.ts';
import { SITE_TOOLS } from '../support/site-tools.ts';

/** The sample platform, with a component on its front hosts that wants every kind of resource. */
export const RICH_MANIFESTS: Readonly<Record<string, string>> = {
  ...MANIFESTS,
  ...debianManifest({ tools: ['jq', 'socat'], docker: ['docker.io', 'iptables'], proxy: ['ethtool'] }),
  'roles/front.yaml': `${MANIFESTS['roles/front.yaml']?.replace('[docker, web]', '[docker, web, proxy]') ?? ''}keepsBundle: true\n`,
  'components/proxy/component.yaml': `apiVersion: caisson/v1
kind: Component
name: proxy
summary: Passes requests on
needs: [docker]
packageSets: [proxy]
users: [{ name: proxy, id: 300, home: "\${var.root}/proxy" }]
modules: [br_netfilter]
sysctls: { net.ipv4.ip_forward: "1" }
mounts: [{ path: "\${var.root}/mnt", what: "\${node.address}:/share", type: nfs, options: ro }]
routes: [{ to: 10.96.0.0/12, via: "\${node.address}" }]
directories: [{ path: "\${var.root}/proxy/data", mode: "0750", owner: "300:300" }]
keyPairs: [{ name: tokens, private: /etc/proxy/tokens.key, public: /etc/proxy/tokens.pub, owner: "proxy:proxy" }]
files:
  - { path: /etc/proxy/proxy.conf, template: proxy.conf, onChange: reload }
  - { path: /etc/proxy/start.conf, template: proxy.conf }
  - { path: /etc/proxy/note, template: proxy.conf, onChange: nothing }
artifacts:
  - { path: "\${var.root}/bin/proxyctl", owner: "300:0", image: "registry.example/tools:1", member: /proxyctl }
  - { path: "\${var.root}/bin/plugin", mode: "0644", image: "registry.example/tools:1", member: /plugin, onChange: reload }
images: ["registry.example:5000/pause:3"]
actions:
  - { name: prepare, summary: prepare it, at: once, container: { image: "registry.example/job:1" } }
services:
  - { name: ethtool, unit: ethtool, health: { model: cmd, address: "true" } }
  - { name: proxy-timer, unit: proxy.timer, health: { model: cmd, address: "true" } }
  - { name: front, container: { image: "registry.example/proxy:1" }, reload: { signal: HUP } }
  - { name: helper, process: { command: [/usr/bin/helper] }, reload: { signal: USR1 } }
  - { name: side, process: { command: [/usr/bin/side] }, reload: { command: [/usr/bin/side, reload, "\${node.name}"] } }
`,
  'components/proxy/proxy.conf': 'name=${node.name}\n',
};

export const SAMPLE_IMAGES = [
  ...['/store:1', '/web:1', '/tools:1', ':5000/pause:3', '/job:1', '/proxy:1'].map((name) => `registry.example${name}`),
  'docker.io/acme/api:7.1.0',
  'docker.io/library/redis:latest',
];

export interface DeclaredParts {
  /** Further lines of cluster.yaml. */
  readonly more?: readonly string[];
  readonly manifests?: Readonly<Record<string, string>>;
  readonly seed?: string;
  readonly supply?: Partial<Supply>;
  readonly change?: (topology: Topology) => Topology;
}

export function stagedFile(path: string, parts: Partial<StagedBundleFile> = {}): StagedBundleFile {
  const digest = digestOf(path);
  return { path, digest, of: digest, isServed: true, size: 4096, isPlaced: async () => true, place: async () => {}, ...parts };
}

/** Opens one bundle for the calling file. The returned function declares a cluster of three Debian hosts that installs it. */
export function useDeclared(): (parts?: DeclaredParts) => Promise<Declared> {
  const shared = useSharedTempDir();
  const directory = useTempDir();
  let bundle: BundleReader;
  beforeAll(async () => {
    const path = await writeSampleBundle(join(shared(), 'sample.tar'), { manifests: RICH_MANIFESTS, images: SAMPLE_IMAGES });
    bundle = await openBundle(path);
  });
  afterAll(() => bundle.close());
  return async ({ more = [], manifests: texts = RICH_MANIFESTS, seed = 'm1', supply = {}, change } = {}) => {
    const manifests = await loadManifests(memoryTree(texts));
    const topology = resolveTopology(parseClusterSpec(clusterYaml(THREE_NODES, more), 'cluster.yaml'), manifests);
    const [system] = manifests.operatingSystems;
    if (system === undefined) throw new Error('the sample has an operating system');
    const layout = seedLayout(directory());
    const keys = openSiteKeys(layout, { name: 'sample', clock: fixedClock(Date.UTC(2026, 0, 1)), resolvePath: (path) => path });
    const hosts = [...THREE_NODES.map(({ name }) => name), seed];
    return {
      topology: change === undefined ? topology : change(topology),
      supply: { bundle, staged: [], keptOn: () => [], depot: { name: 'depot.caisson', address: '10.0.0.11', port: 5443 }, ...supply },
      observed: {
        systems: new Map(THREE_NODES.map(({ name }) => [name, system])),
        architectures: new Map(hosts.map((name) => [name, 'amd64'])),
        leaving: new Map(),
      },
      seed: { name: seed, layout, keys },
      tools: SITE_TOOLS,
    };
  };
}
