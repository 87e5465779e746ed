import { MANIFESTS, type SampleNode } from '../sample-install.ts';

/** Choices in which releases of the platform can differ. */
export interface Release {
  readonly version: number;
  /** Images that have other content under the same name. */
  readonly otherImages: readonly string[];
  /** Number in the text of a template file. */
  readonly storeConf: number;
  readonly daemon: number;
  /** A component that a release may contain, under one of two names. */
  readonly extra: 'none' | 'cache' | 'buffer';
  /** True when the store has a second data directory. */
  readonly hasLogs: boolean;
}

/** Everything that an operator declares, in cluster.yaml and by the choice of a bundle. */
export interface Wish {
  readonly name: string;
  readonly nodes: readonly SampleNode[];
  readonly variables: Readonly<Record<string, string>>;
  readonly podCIDR: string;
  /** Nodes of components that stand on one node, where cluster.yaml says which. */
  readonly place: Readonly<Record<string, string>>;
  readonly release: Release;
}

export const STORE_IMAGE = 'registry.example/store:1';
export const WEB_IMAGE = 'registry.example/web:1';
export const IMAGES: readonly string[] = [STORE_IMAGE, WEB_IMAGE];

/** All machines; the first is the seed. */
export const MACHINES: readonly { readonly name: string; readonly address: string }[] = [1, 2, 3, 4].map((number) => ({
  name: `n${number}`,
  address: `10.0.0.1${number}`,
}));

export const ROLES: readonly string[] = ['manage', 'front', 'vote', 'plain'];

export function nodeOf(name: string, roles: readonly string[]): SampleNode {
  return { name, address: MACHINES.find((machine) => machine.name === name)?.address ?? '', roles };
}

export const FIRST_WISH: Wish = {
  name: 'sample',
  nodes: [nodeOf('n1', ['manage', 'vote']), nodeOf('n2', ['front'])],
  variables: {},
  podCIDR: '10.20.0.0/16',
  place: {},
  release: { version: 1, otherImages: [], storeConf: 1, daemon: 1, extra: 'none', hasLogs: false },
};

/** Manifests of a release: those of the sample, and a quorum whose members join and leave. */
export function manifestsOf({ version, storeConf, daemon, extra, hasLogs }: Release): Readonly<Record<string, string>> {
  const role = (name: string, components: readonly string[]): string =>
    `apiVersion: caisson/v1\nkind: Role\nname: ${name}\nsummary: Role\ncomponents: [${components.join(', ')}]\n` +
    'requires: { cpus: 1, memory: 1GB, disk: 1GB }\npackageSets: [tools]\n';
  const platform = MANIFESTS['platform.yaml'] ?? '';
  const store = MANIFESTS['components/store/component.yaml'] ?? '';
  const web = MANIFESTS['components/web/component.yaml'] ?? '';
  const logs = '{ path: "${var.root}/logs", mode: "0755" }, ';
  return {
    ...MANIFESTS,
    'platform.yaml': platform.replace('version: "1.2"', `version: "1.${version}"`).replace('variables: {', 'variables: { note: hello,'),
    'roles/manage.yaml': role('manage', ['docker', 'store', ...(extra === 'none' ? [] : [extra])]),
    'roles/front.yaml': role('front', ['docker', 'beat', 'web']),
    'roles/vote.yaml': role('vote', ['docker', 'ring']),
    'roles/plain.yaml': role('plain', ['docker', 'beat']),
    'components/docker/daemon.json': `{ "log-driver": "json-file", "debug": ${daemon % 2 === 0} }\n`,
    'components/store/component.yaml': store.replace('directories: [', `${ONCE}directories: [${hasLogs ? logs : ''}`),
    'components/store/store.conf': 'name=${node.name}\npassword=${secret.store-root}\nnote=${var.note}\n' + `text=${storeConf}\n`,
    'components/beat/component.yaml': BEAT,
    'components/web/component.yaml': web.replace(
      'services:',
      `${CORDON}files: [{ path: "\${var.root}/web.conf", template: web.conf }]\nservices:`,
    ),
    'components/web/web.conf': 'beat=${first.beat.address}\n',
    'components/ring/component.yaml': RING,
    ...(extra === 'none' ? {} : { [`components/${extra}/component.yaml`]: extraOf(extra), [`components/${extra}/extra.conf`]: 'size=1\n' }),
  };
}

/** Runs when the data of the store begin. */
const ONCE = `actions:
  - { name: init, summary: make the first rows, at: once, each: cluster, command: [storectl, init] }
`;

const CORDON = `actions:
  - { name: cordon, summary: keep requests away, at: cordon, on: { component: store }, command: [workctl, cordon, "\${node.name}"] }
  - { name: uncordon, summary: let requests come, at: uncordon, on: { component: store }, command: [workctl, uncordon, "\${node.name}"] }
`;

/** A single component without data. */
const BEAT = `apiVersion: caisson/v1
kind: Component
name: beat
summary: Keeps time
placement: one
needs: [docker]
ports: [{ port: 7100 }]
services:
  - name: beat
    container: { image: "${WEB_IMAGE}" }
    health: { model: tcp, address: "127.0.0.1:7100" }
`;

const RING = `apiVersion: caisson/v1
kind: Component
name: ring
summary: Votes
placement: quorum
needs: [docker]
ports: [{ port: 7000 }]
directories: [{ path: "\${var.root}/ring", mode: "0700" }]
actions:
  - { name: join, summary: add a member, at: join, on: { component: ring }, command: [ring, join, "\${node.name}"] }
  - { name: leave, summary: remove a member, at: leave, on: { component: ring }, command: [ring, leave, "\${node.name}"] }
services:
  - name: ring
    container: { image: "${WEB_IMAGE}", mounts: ["\${var.root}/ring:/data"] }
    health: { model: tcp, address: "127.0.0.1:7000" }
`;

/** The component has the same data and file under both names. */
function extraOf(name: string): string {
  return `apiVersion: caisson/v1
kind: Component
name: ${name}
summary: Remembers
needs: [docker]
ports: [{ port: 6379 }]
sysctls: { net.core.somaxconn: "1024" }
modules: [br_netfilter]
directories: [{ path: "\${var.root}/cache", mode: "0700" }]
files: [{ path: "\${var.root}/cache.conf", template: extra.conf }]
services:
  - name: ${name}
    container: { image: "${WEB_IMAGE}", mounts: ["\${var.root}/cache:/data"] }
    health: { model: tcp, address: "127.0.0.1:6379" }
`;
}
