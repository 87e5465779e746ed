import { loadDocuments } from '../../src/manifests/index.ts';
import { describeFinding, lintPlatform, type LintFinding, type LintReport, type LintSubject } from '../../src/lint/index.ts';
import { parseFileList, parseImageList } from '../../src/sources/index.ts';
import { debianManifest } from '../support/debian-manifest.ts';
import { memoryTree } from '../support/memory-tree.ts';

/** A platform of two roles in which nothing is to be mended: a store and its agent, and a web server that needs the store. */
export const CLEAN: Readonly<Record<string, string>> = {
  'platform.yaml': `apiVersion: caisson/v1
kind: Platform
name: sample
version: "1.2"
variables: { root: /opt/sample }
definitionsDirectory: "\${var.root}/conf"
options:
  - name: database
    summary: Where data are
    default: internal
    choices:
      internal: { summary: The store }
      external: { summary: A server, values: { host: { type: host }, passwordFile: { type: passwordFile } } }
hostNames:
  - { names: [store.example], component: store }
`,
  'roles/manage.yaml': `apiVersion: caisson/v1
kind: Role
name: manage
summary: Runs the store
minimum: 1
components: [docker, store]
`,
  'roles/front.yaml': `apiVersion: caisson/v1
kind: Role
name: front
summary: Takes requests
components: [docker, agent, web]
packageSets: [tools]
`,
  'components/docker/component.yaml': `apiVersion: caisson/v1
kind: Component
name: docker
summary: The engine
packageSets: [docker]
services:
  - { name: docker, unit: docker, health: { model: cmd, address: docker info } }
`,
  'components/store/component.yaml': `apiVersion: caisson/v1
kind: Component
name: store
summary: Keeps state
placement: one
when: { database: [internal] }
needs: [docker]
ports: [{ port: 2379 }]
secrets: [{ name: store-root }]
values: { members: { each: store, as: "\${each.address}" } }
certificates: [{ name: tls, directory: "\${var.root}/ssl", hosts: ["\${node.name}"] }]
files: [{ path: "\${var.root}/store.conf", mode: "0600", template: store.conf }]
services:
  - name: store
    container: { image: "acme/store:1", mounts: ["\${var.root}/ssl:/ssl:ro"], arguments: ["--members=\${value.members}"] }
    health: { model: tcp, address: "127.0.0.1:2379" }
`,
  'components/store/store.conf': 'name=${node.name}\npassword=${secret.store-root}\n',
  'components/agent/component.yaml': `apiVersion: caisson/v1
kind: Component
name: agent
summary: Leads to the store
unless: [store]
needs: [docker]
ports: [{ port: 2379, address: 127.0.0.1 }]
services:
  - name: agent
    container: { image: "acme/store:1" }
    health: { model: tcp, address: "127.0.0.1:2379" }
`,
  'components/web/component.yaml': `apiVersion: caisson/v1
kind: Component
name: web
summary: Serves pages
needs: [docker, store]
ports: [{ port: 80 }]
files: [{ path: "\${var.root}/web.conf", mode: "0600", template: web.conf }]
services:
  - name: web
    container: { image: "registry.example/web:1" }
    health: { model: http, address: "http://127.0.0.1/" }
`,
  'components/web/web.conf': 'database=${option.database.choice} ${option.database.host} ${secret.database-passwordFile}\n',
  ...debianManifest({ tools: ['jq'], docker: ['docker.io'] }),
};

export const CLEAN_IMAGES = 'acme/store:1\nbuilds.example/web:7 as registry.example/web:1\n';

export interface LintChanges {
  /** Texts by path; undefined takes a file away. */
  readonly files?: Readonly<Record<string, string | undefined>>;
  readonly images?: string;
  /** Text of files.txt. */
  readonly listedFiles?: string;
  readonly platforms?: readonly string[];
}

/** The report on the clean platform with these changes, whose directory is m. */
export async function lintSample({
  files = {},
  images = CLEAN_IMAGES,
  listedFiles = '',
  platforms,
}: LintChanges = {}): Promise<LintReport> {
  const texts = Object.fromEntries(
    Object.entries({ ...CLEAN, ...files }).flatMap(([path, text]): [string, string][] => (text === undefined ? [] : [[path, text]])),
  );
  const subject: LintSubject = {
    ...(await loadDocuments(memoryTree(texts), { root: 'm' })),
    images: parseImageList(images, 'images.txt').map((entry) => ({
      name: entry.name,
      line: entry.line,
      file: 'images.txt',
      platforms: entry.platforms?.map(({ os, architecture }) => `${os}/${architecture}`),
    })),
    lists: ['images.txt'],
    files: parseFileList(listedFiles, 'files.txt'),
    fileLists: listedFiles === '' ? [] : ['files.txt'],
    platforms,
  };
  return lintPlatform(subject);
}

/** The findings of that report, a line each, which begins with their level. */
export async function linesOf(changes?: LintChanges): Promise<readonly string[]> {
  return (await lintSample(changes)).findings.map(lineOf);
}

function lineOf(finding: LintFinding): string {
  return `${finding.level} ${describeFinding(finding)}`;
}

/** A file of the clean platform in which `from` is `to`. */
export function edited(path: string, from: string, to: string): Readonly<Record<string, string>> {
  const text = CLEAN[path] ?? '';
  if (!text.includes(from)) throw new Error(`${path} has no ${from}`);
  return { [path]: text.replace(from, () => to) };
}
