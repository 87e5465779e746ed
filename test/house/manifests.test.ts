import { readFileSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { hasUnit, parseServiceFile, unitFromDefinition } from '../../src/agent/index.ts';
import { parseClusterSpec, resolveTopology, scopeFor } from '../../src/cluster/index.ts';
import { describeFinding, lintPlatform } from '../../src/lint/index.ts';
import { componentSchema, loadDocuments, loadManifests, renderData, renderTemplate, type Manifests } from '../../src/manifests/index.ts';
import { COMPONENT_NAMES, EACH_NAMES, GLOBAL_NAMES } from '../../src/manifests/scope-names.ts';
import { digestOf } from '../../src/core/index.ts';
import { serviceDocument } from '../../src/plan/wanted/service-document.ts';
import { dockerEngine } from '../../src/resources/containers/docker/docker-engine.ts';
import { directoryTree, parseYaml } from '../../src/io/index.ts';
import { parseImageList, type ImageListEntry } from '../../src/sources/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

const ROOT = resolve(import.meta.dirname, '../..');

const THREE_HOSTS = `apiVersion: caisson/v1
kind: Cluster
name: prod
nodes:
  - { name: m1, address: 10.0.0.11, roles: [manage] }
  - { name: g1, address: 10.0.0.12, roles: [gateway] }
  - { name: c1, address: 10.0.0.13, roles: [compute] }
`;

const ONE_HOST = `apiVersion: caisson/v1
kind: Cluster
name: solo
nodes:
  - { name: n1, address: 10.0.0.11, roles: [manage, gateway, compute] }
`;

let manifests: Manifests;
let images: readonly ImageListEntry[];

beforeAll(async () => {
  manifests = await loadManifests(directoryTree(resolve(ROOT, 'manifests')));
  images = parseImageList(readFileSync(resolve(ROOT, 'images.txt'), 'utf8'), 'images.txt');
});

describe('the shipped manifests', () => {
  it('start only images that images.txt names, by the names that nodes use', () => {
    const names = new Set(images.map((image) => image.name));
    const started = [...manifests.components.values()]
      .flatMap((component) => component.services)
      .flatMap((service) => service.container?.image ?? []);
    expect(started.filter((image) => !names.has(image))).toEqual([]);
    expect(started.length).toBeGreaterThan(0);
  });

  it('need every image that images.txt names', () => {
    const used = new Set(
      [...manifests.components.values()].flatMap(({ services, artifacts, images: others }) => [
        ...services.map(({ container }) => container?.image),
        ...artifacts.map(({ image }) => image),
        ...others,
      ]),
    );
    expect(images.map((image) => image.name).filter((name) => !used.has(name))).toEqual([]);
  });

  it('keep every directory that a container mounts in order themselves, or have files of theirs in it', () => {
    const missing = [...manifests.components.values()].flatMap((component) => {
      const needed = component.needs.flatMap((need) => manifests.components.get(need.component) ?? []);
      const made = [component, ...needed].flatMap(({ directories, files, certificates, keyPairs }) => [
        ...directories.map(({ path }) => path),
        ...files.map(({ path }) => path),
        ...certificates.map(({ directory }) => directory),
        ...keyPairs.map((pair) => dirname(pair.private)),
      ]);
      const mounted = component.services.flatMap(({ container }) => container?.mounts ?? []).map((mount) => mount.split(':', 1)[0] ?? '');
      // The engine makes its socket.
      return mounted.filter(
        (path) =>
          path !== '/var/run/docker.sock' && !made.some((own) => own === path || own.startsWith(`${path}/`) || path.startsWith(`${own}/`)),
      );
    });
    expect(missing).toEqual([]);
  });

  it.each([
    ['three hosts', THREE_HOSTS],
    ['one host', ONE_HOST],
  ])('fill in for a cluster of %s, and become units', (_, text) => {
    const topology = resolveTopology(parseClusterSpec(text, 'cluster.yaml'), manifests);
    const secrets = Object.fromEntries(
      [...manifests.components.values()].flatMap((component) => component.secrets.map(({ name }) => [name, 'hidden'])),
    );
    const given = Object.fromEntries(['database-passwordFile'].map((name) => [name, '']));
    for (const { component, host, id } of topology.placements) {
      const scope = scopeFor(topology, host, { component: component.name });
      for (const file of component.files) {
        const filled = renderTemplate(component.templateText(file.template), { ...scope, secret: { ...given, ...secrets } }, file.template);
        if (file.template.endsWith('.json')) expect(() => void JSON.parse(filled)).not.toThrow();
      }
      const services = renderData(component.services, scope, id);
      const definitions = parseServiceFile(serviceDocument(component, services, { files: digestOf(''), engine: dockerEngine }), id);
      expect(definitions.map(({ name }) => name)).toEqual(component.services.map(({ name }) => name));
      for (const definition of definitions.filter(hasUnit)) {
        const unit = unitFromDefinition(definition, {});
        expect(unit).toMatch(/^ExecStart=/m);
        expect(unit.replaceAll('$$', '')).not.toContain('$');
      }
    }
  });

  it('run every component in a cluster of three roles, each after what it needs', () => {
    const topology = resolveTopology(parseClusterSpec(THREE_HOSTS, 'cluster.yaml'), manifests);
    const order = topology.placements.map(({ id }) => id);
    expect([...order].sort()).toEqual([
      'docker/c1',
      'docker/g1',
      'docker/m1',
      'etcd-proxy/c1',
      'etcd-proxy/g1',
      'etcd/m1',
      'flannel/c1',
      'kube-apiserver/m1',
      'kube-controller-manager/m1',
      'kube-node/c1',
      'kube-proxy/c1',
      'kube-scheduler/m1',
      'kube-state-metrics/m1',
      'kube-tools/c1',
      'kube-tools/m1',
      'kubelet/c1',
      'mysqld-exporter/m1',
      'rbd-api/m1',
      'rbd-app-ui/m1',
      'rbd-chaos/m1',
      'rbd-db/m1',
      'rbd-dns/c1',
      'rbd-dns/g1',
      'rbd-dns/m1',
      'rbd-eventlog/m1',
      'rbd-gateway/g1',
      'rbd-hub/m1',
      'rbd-monitor/m1',
      'rbd-mq/m1',
      'rbd-repo/m1',
      'rbd-webcli/m1',
      'rbd-worker/m1',
    ]);
    for (const { id, needs } of topology.placements)
      for (const need of needs.flatMap(({ placements }) => placements)) expect(order.indexOf(need)).toBeLessThan(order.indexOf(id));
  });

  it('use no port twice on a host with every role', () => {
    const topology = resolveTopology(parseClusterSpec(ONE_HOST, 'cluster.yaml'), manifests);
    const ports = topology.placements.flatMap(({ component }) => component.ports.map(({ port, protocol }) => `${port}/${protocol}`));
    expect(ports.filter((port, index) => ports.indexOf(port) !== index)).toEqual([]);
  });

  it('leave no password empty and no registry untrusted', () => {
    const everything = [...manifests.components.keys()].map((name) =>
      readFileSync(resolve(ROOT, `manifests/components/${name}/component.yaml`), 'utf8'),
    );
    expect(everything.join('\n')).not.toMatch(/ALLOW_EMPTY|insecure(?!-port=0)|anonymous-auth=true/i);
    expect(manifests.components.get('docker')?.templateText('daemon.json')).not.toMatch(/insecure/);
  });
});

describe('the platform kubernetes', () => {
  const directory = resolve(ROOT, 'manifests/platforms/kubernetes');
  let kubernetes: Manifests;
  let list: readonly ImageListEntry[];

  beforeAll(async () => {
    kubernetes = await loadManifests(directoryTree(directory));
    list = parseImageList(readFileSync(join(directory, 'images.txt'), 'utf8'), 'images.txt');
  });

  const clusterOf = (...roles: readonly string[]): string =>
    `apiVersion: caisson/v1\nkind: Cluster\nname: k\nnodes:\n${roles
      .map((list, index) => `  - { name: n${index + 1}, address: 10.0.0.${11 + index}, roles: [${list}] }\n`)
      .join('')}`;

  it('has no mistake and no warning', async () => {
    const read = await loadDocuments(directoryTree(directory));
    const images = list.map(({ name, line }) => ({ name, line, file: 'images.txt' }));
    expect(lintPlatform({ ...read, images, lists: ['images.txt'], files: [], fileLists: [] }).findings.map(describeFinding)).toEqual([]);
  });

  it('uses every image that its images.txt names, and no other: programs of hosts, and what pods and their runtime name', () => {
    const programs = [...kubernetes.components.values()].flatMap(({ artifacts }) => artifacts.flatMap(({ image }) => image ?? []));
    const texts = [...kubernetes.components.values()].flatMap((component) =>
      component.files.map(({ template }) => component.templateText(template)),
    );
    const named = texts.flatMap((text) =>
      [...text.matchAll(/(?:image: |sandbox = ")([a-z0-9.-]+\/[^\s"]+)/g)].map(([, name = '']) => name),
    );
    const full = (name: string): string => (/^[^/]*[.:]/.test(name) ? name : `docker.io/${name}`);
    expect([...new Set([...programs, ...named].map(full))].sort()).toEqual(list.map(({ name }) => full(name)).sort());
  });

  it.each([
    ['one host', ['control-plane, worker']],
    ['a control plane and two workers', ['control-plane', 'worker', 'worker']],
    ['three control planes, one of them a worker', ['control-plane', 'control-plane', 'control-plane, worker', 'worker']],
  ])('fills in for a cluster of %s, with units and without a container', (_, roles) => {
    const topology = resolveTopology(parseClusterSpec(clusterOf(...roles), 'cluster.yaml'), kubernetes);
    const order = topology.placements.map(({ id }) => id);
    for (const { component, host, id, needs } of topology.placements) {
      for (const need of needs.flatMap(({ placements }) => placements)) expect(order.indexOf(need)).toBeLessThan(order.indexOf(id));
      const scope = scopeFor(topology, host, { component: component.name });
      for (const file of component.files) renderTemplate(component.templateText(file.template), scope, file.template);
      const services = renderData(component.services, scope, id);
      const definitions = parseServiceFile(serviceDocument(component, services, { files: digestOf(''), engine: undefined }), id);
      for (const definition of definitions.filter(hasUnit)) expect(unitFromDefinition(definition, {})).toMatch(/^ExecStart=/m);
    }
    expect(topology.hostsOf('etcd')).toHaveLength(roles.filter((list) => list.includes('control-plane')).length);
    expect(topology.hostsOf('kubelet')).toHaveLength(roles.filter((list) => list.includes('worker')).length);
  });

  it('has an example that is a cluster of it', () => {
    const example = readFileSync(join(directory, 'examples/cluster.yaml'), 'utf8');
    expect(resolveTopology(parseClusterSpec(example, 'cluster.yaml', kubernetes), kubernetes).spec.nodes).toHaveLength(3);
  });
});

describe('manifests/examples/cluster.yaml', () => {
  const example = readFileSync(resolve(ROOT, 'manifests/examples/cluster.yaml'), 'utf8');

  it('is a cluster of the shipped platform, and says what the platform chooses by default', () => {
    const { options } = resolveTopology(parseClusterSpec(example, 'cluster.yaml', manifests), manifests);
    const defaults = manifests.platform.options.map((option) => [option.name, option.default]);
    expect([...options.options].map(([name, { choice }]) => [name, choice])).toEqual(defaults);
    expect(manifests.platform.options.every(({ fixed }) => fixed)).toBe(true);
  });

  it('explains every choice that needs values, and a database of the site takes the place of the shipped one', () => {
    const explained = [...example.matchAll(/^ +# {3}(\{ choice: (\w+), .*?\})/gm)].map(([, text = '', choice = '']) => ({ text, choice }));
    const withValues = manifests.platform.options.flatMap((option) =>
      Object.entries(option.choices).flatMap(([choice, { values }]) =>
        Object.keys(values).length === 0 ? [] : [{ option: option.name, choice, values }],
      ),
    );
    expect(explained.map(({ choice }) => choice)).toEqual(withValues.map(({ choice }) => choice));
    for (const { option, choice, values } of withValues) {
      const text = explained.find((one) => one.choice === choice)?.text ?? '';
      const cluster = example.replace(new RegExp(`^  ${option}: .*$`, 'm'), `  ${option}: ${text}`);
      const topology = resolveTopology(parseClusterSpec(cluster, 'cluster.yaml', manifests), manifests);
      expect(topology.options.options.get(option)?.choice).toBe(choice);
      for (const name of Object.keys(values)) expect(example).toMatch(new RegExp(`\\b${name}:`));
      expect(topology.first('rbd-db') === undefined).toBe(option === 'database');
    }
  });
});

/** Fenced blocks of a page that stand under a line with nothing but a path in backquotes. */
function namedBlocks(page: string): [path: string, text: string][] {
  const blocks = readFileSync(resolve(ROOT, page), 'utf8').matchAll(/^`([^`\n]+)`\n\n```\w*\n([\s\S]*?)^```/gm);
  return [...blocks].map(([, path = '', text = '']) => [path, text]);
}

/** Every key of a JSON Schema with the keys that lead to it; lists and alternatives are looked into. */
function keysOf(schema: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const properties = 'properties' in schema && typeof schema.properties === 'object' ? Object.entries(schema.properties ?? {}) : [];
  const parts = (['items', 'oneOf', 'anyOf', 'allOf'] as const).flatMap((name) => {
    const part: unknown = name in schema ? Object.entries(schema).find(([key]) => key === name)?.[1] : [];
    return Array.isArray(part) ? part.map((item: unknown) => item) : [part];
  });
  return [
    ...properties.flatMap(([key, value]: [string, unknown]) => [[...path, key], ...keysOf(value, [...path, key])]),
    ...parts.flatMap((part) => keysOf(part, path)),
  ];
}

describe('the annotated cluster.yaml', () => {
  const schema: unknown = JSON.parse(readFileSync(resolve(ROOT, 'manifests/schema/cluster.json'), 'utf8'));
  const sections = readFileSync(resolve(ROOT, 'manifests/examples/cluster.yaml'), 'utf8').split('\n\n');

  /** The paragraphs that have a key of the document, in use or as a comment. */
  function sectionOf(key: string): string {
    return sections.filter((section) => new RegExp(`^(?:# )?${key}:`, 'm').test(section)).join('\n');
  }

  function hasKey(section: string, key: string): boolean {
    return new RegExp(`(?:^|[\\s{(,])${key}:(?:\\s|$)`, 'm').test(section);
  }

  it('has every key of the schema in the section where it belongs, in use or as a comment', () => {
    const keys = keysOf(schema);
    expect(keys.map((path) => path.join('.'))).toEqual(expect.arrayContaining(['trust.revokedKeys', 'depot.port', 'nodes.ssh.hostKey']));
    const missing = keys.filter(([first = '', ...rest]) => sectionOf(first) === '' || !rest.every((key) => hasKey(sectionOf(first), key)));
    expect(missing.map((path) => path.join('.'))).toEqual([]);
  });

  it('has every option of the shipped platform with its choices and their values', () => {
    const section = sectionOf('options');
    for (const { name, choices } of manifests.platform.options) {
      expect(hasKey(section, name)).toBe(true);
      for (const [choice, { values }] of Object.entries(choices)) {
        expect(section).toMatch(new RegExp(`\\b${choice}\\b`));
        for (const value of Object.keys(values)) expect({ value, found: hasKey(section, value) }).toEqual({ value, found: true });
      }
    }
  });
});

describe('the examples in the documents', () => {
  const temp = useTempDir();

  it('docs/manifests.md describes a platform that loads, with the shipped docker and operating systems', async () => {
    const blocks = namedBlocks('docs/manifests.md');
    expect(blocks).toHaveLength(4);
    for (const [path, text] of blocks) {
      await mkdir(dirname(join(temp(), path)), { recursive: true });
      await writeFile(join(temp(), path), text);
    }
    for (const shipped of ['manifests/components/docker', 'manifests/os'])
      await cp(resolve(ROOT, shipped), join(temp(), shipped), { recursive: true });
    const platform = await loadManifests(directoryTree(join(temp(), 'manifests')));
    const cluster = ONE_HOST.replace('[manage, gateway, compute]', '[server]');
    const topology = resolveTopology(parseClusterSpec(cluster, 'cluster.yaml'), platform);
    expect(topology.placements.map(({ id }) => id)).toEqual(['docker/n1', 'web/n1']);
  });

  it('docs/manifests.md shows pieces of a component that its schema takes', () => {
    const page = readFileSync(resolve(ROOT, 'docs/manifests.md'), 'utf8');
    const pieces = [...page.matchAll(/^```yaml\n((?:services|values|placement|actions|certificates):[\s\S]*?)^```/gm)].map(
      ([, text = '']) => text,
    );
    expect(pieces.length).toBeGreaterThan(4);
    const head = 'apiVersion: caisson/v1\nkind: Component\nname: piece\nsummary: A piece\n';
    for (const piece of pieces) expect(() => parseYaml(head + piece, 'docs/manifests.md', componentSchema)).not.toThrow();
  });

  it('docs/manifests.md names every placeholder', () => {
    const page = readFileSync(resolve(ROOT, 'docs/manifests.md'), 'utf8');
    const names = [...GLOBAL_NAMES, ...COMPONENT_NAMES, ...EACH_NAMES];
    expect(names.filter((name) => !page.includes(`\`\${${name}}\``))).toEqual([]);
  });

  it('docs/agent.md shows service definitions that the agent reads', () => {
    const [, text = ''] = /^```yaml\n([\s\S]*?)^```/m.exec(readFileSync(resolve(ROOT, 'docs/agent.md'), 'utf8')) ?? [];
    expect(parseServiceFile(text, 'docs/agent.md').map(({ name }) => name)).toEqual(['etcd']);
  });
});
