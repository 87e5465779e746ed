import { readdir, readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { BundleImage, PlannedFile } from '../../src/bundle/index.ts';
import { parseImageList } from '../../src/sources/index.ts';
import { writeDelta } from './delta-bundle.ts';
import { debianManifest } from './debian-manifest.ts';
import { small, smallBundle, type SmallBundle } from './small-bundle.ts';

/** Manifests of a small platform: an engine, a store with a secret and a certificate, a web server that needs the store. */
export const MANIFESTS: Readonly<Record<string, string>> = {
  'platform.yaml': `apiVersion: caisson/v1
kind: Platform
name: sample
version: "1.2"
command: samplectl
variables: { root: /opt/sample, registry: registry.example }
definitionsDirectory: "\${var.root}/conf"
registry: { name: "\${var.registry}", component: store, entry: web, login: { user: writer, secret: store-root } }
hostNames:
  - { names: ["\${var.registry}", www.example], component: web }
`,
  'roles/manage.yaml': `apiVersion: caisson/v1
kind: Role
name: manage
summary: Runs the store
components: [docker, store]
requires: { cpus: 2, memory: 4GB, disk: 40GB }
packageSets: [tools]
`,
  'roles/front.yaml': `apiVersion: caisson/v1
kind: Role
name: front
summary: Takes requests
components: [docker, web]
requires: { cpus: 1, memory: 1GB, disk: 10GB }
`,
  'components/docker/component.yaml': `apiVersion: caisson/v1
kind: Component
name: docker
summary: The engine
packageSets: [docker]
files: [{ path: /etc/docker/daemon.json, template: daemon.json }]
services:
  - { name: docker, unit: docker, health: { model: cmd, address: docker info } }
`,
  'components/docker/daemon.json': '{ "log-driver": "json-file" }\n',
  'components/store/component.yaml': `apiVersion: caisson/v1
kind: Component
name: store
summary: Keeps state
placement: one
needs: [docker]
ports:
  - { port: 2379 }
  - { port: 53, protocol: udp, address: "\${node.address}" }
secrets: [{ name: store-root }]
directories: [{ path: "\${var.root}/data", mode: "0700", owner: "1001:0" }]
certificates: [{ name: tls, directory: "\${var.root}/ssl", hosts: ["\${node.name}", "\${node.address}", localhost, 127.0.0.1] }]
files: [{ path: "\${var.root}/store.conf", mode: "0600", template: store.conf }]
services:
  - name: store
    container: { image: "registry.example/store:1", mounts: ["\${var.root}/data:/data"], arguments: ["--name=\${node.name}"] }
    health: { model: tcp, address: "127.0.0.1:2379" }
`,
  'components/store/store.conf': 'name=${node.name}\npassword=${secret.store-root}\n',
  'components/web/component.yaml': `apiVersion: caisson/v1
kind: Component
name: web
summary: Serves pages
needs: [docker, store]
ports: [{ port: 80 }]
services:
  - name: web
    container: { image: "registry.example/web:1", environment: { STORE: "\${first.store.address}" } }
    health: { model: http, address: "http://127.0.0.1/" }
`,
  ...debianManifest({ tools: ['jq'], docker: ['docker.io', 'iptables'] }),
};

export const PACKAGES: Readonly<Record<string, string>> = {
  'docker.io': '20.10.24+dfsg1-1+b3',
  iptables: '1.8.9-2',
  'ca-certificates': '20230311',
  jq: '1.6-2.1',
  conntrack: '1:1.4.7-1+b2',
  ebtables: '2.0.11-5',
  ethtool: '1:6.1-1',
  socat: '1.7.4.4-2',
  runc: '1.1.5+ds1-1',
  'nfs-common': '1:2.6.2-4+deb12u1',
  'nfs-kernel-server': '1:2.6.2-4+deb12u1',
  'glusterfs-client': '10.3-5',
  keepalived: '1:2.2.7-1+b2',
  haproxy: '2.6.12-1+deb12u4',
};

export const EXECUTABLE_BYTES = '#!/bin/sh\necho caisson\n';

export interface SampleBundle {
  readonly manifests?: Readonly<Record<string, string>>;
  readonly images?: readonly string[];
  /** Names of images whose content differs from the usual one. */
  readonly otherImages?: readonly string[];
  readonly version?: string;
  /** Texts of files of files.txt, by name. */
  readonly listedFiles?: Readonly<Record<string, string>>;
  /** Paths of its bases, when it is a delta. */
  readonly bases?: readonly string[];
}

/** Writes a bundle of a few kilobytes with these manifests, images of these names, packages and an executable for amd64. */
export async function writeSampleBundle(path: string, sample: SampleBundle = {}): Promise<string> {
  return writeDelta(path, sampleBundle(sample), sample.bases ?? []);
}

/** The members of that bundle. */
export function sampleBundle(sample: SampleBundle = {}): SmallBundle {
  const { manifests = MANIFESTS, images = ['registry.example/store:1', 'registry.example/web:1'], version = '1.2' } = sample;
  const base = smallBundle();
  const [template, other] = base.input.images.filter(({ platforms }) => platforms.length === 1);
  if (template === undefined || other === undefined) throw new Error('the small bundle has no two images of one platform');
  const bytesOf = (name: string): BundleImage => (sample.otherImages?.includes(name) === true ? other : template);
  const files: PlannedFile[] = [
    ...base.input.files.filter(({ path: member }) => !member.startsWith('manifests/') && member !== 'caisson'),
    ...Object.entries(manifests).map(([name, text]) => small(`manifests/${name}`, text, 'manifest')),
    small('apt/debian-12/dists/bookworm/main/binary-amd64/Packages', '', 'repository'),
    { ...small('caisson-linux-amd64', EXECUTABLE_BYTES, 'executable'), mode: 0o755 },
    ...Object.entries(sample.listedFiles ?? {}).map(([name, text]) => small(`files/${name}`, text, 'file')),
  ];
  const [repository] = base.input.repositories;
  if (repository === undefined) throw new Error('the small bundle has no repository');
  const [pool] = repository.packages;
  const packages = Object.entries(PACKAGES).map(([name, packageVersion]) => ({
    name,
    version: packageVersion,
    architecture: 'amd64',
    path: pool?.path ?? '',
    set: ['base'],
  }));
  return smallBundle({
    name: 'sample',
    version,
    files,
    images: images.map((name): BundleImage => ({ ...bytesOf(name), name, source: name })),
    repositories: [{ ...repository, packages }],
  });
}

const ROOT = resolve(import.meta.dirname, '../..');

/** The manifests that this repository ships, with the names of their images. */
export async function shippedManifests(): Promise<{
  readonly manifests: Readonly<Record<string, string>>;
  readonly images: readonly string[];
}> {
  const directory = join(ROOT, 'manifests');
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = await Promise.all(
    paths.map(async (path): Promise<[string, string]> => [relative(directory, path), await readFile(path, 'utf8')]),
  );
  const images = parseImageList(await readFile(join(ROOT, 'images.txt'), 'utf8'), 'images.txt');
  return { manifests: Object.fromEntries(texts), images: images.map(({ name }) => name) };
}

export interface SampleNode {
  readonly name: string;
  readonly address: string;
  readonly roles: readonly string[];
}

export const THREE_NODES: readonly SampleNode[] = [
  { name: 'm1', address: '10.0.0.11', roles: ['manage'] },
  { name: 'f1', address: '10.0.0.12', roles: ['front'] },
  { name: 'f2', address: '10.0.0.13', roles: ['front'] },
];

export const ONE_NODE: readonly SampleNode[] = [{ name: 'n1', address: '10.0.0.11', roles: ['manage', 'front'] }];

/** The text of cluster.yaml; `more` are further lines. */
export function clusterYaml(nodes: readonly SampleNode[], more: readonly string[] = []): string {
  const list = nodes.map(({ name, address, roles }) => `  - { name: ${name}, address: ${address}, roles: [${roles.join(', ')}] }`);
  return ['apiVersion: caisson/v1', 'kind: Cluster', 'name: sample', ...more, 'nodes:', ...list, ''].join('\n');
}
