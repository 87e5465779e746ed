import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseClusterSpec, resolveTopology, type Placement, type Topology } from '../../src/cluster/index.ts';
import { digestOf, fixedClock } from '../../src/core/index.ts';
import { loadManifests, type Manifests } from '../../src/manifests/index.ts';
import { componentServices, type Declared } from '../../src/plan/index.ts';
import { componentFiles, filesDigest, onChangePaths, type ComponentFiles, type OnChange } from '../../src/plan/wanted/component-files.ts';
import { rendererOf } from '../../src/plan/wanted/renderer.ts';
import { fixedContent, type PlacedFile } from '../../src/resources/index.ts';
import { openSiteKeys, seedLayout, SITE_AUTHORITY, type SeedLayout, type SiteKeys } from '../../src/site/index.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { clusterYaml, MANIFESTS, THREE_NODES } from '../support/sample-install.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
let manifests: Manifests;
let topology: Topology;
let layout: SeedLayout;
let keys: SiteKeys;
let declared: Declared;

beforeAll(async () => {
  manifests = await loadManifests(memoryTree(MANIFESTS));
});
beforeEach(() => {
  topology = resolveTopology(parseClusterSpec(clusterYaml(THREE_NODES), 'cluster.yaml'), manifests);
  layout = seedLayout(directory());
  keys = openSiteKeys(layout, { name: 'sample', clock: fixedClock(Date.UTC(2026, 0, 1)), resolvePath: (path) => path });
  // Only what the files of a component come from.
  declared = { topology, seed: { name: 'm1', layout, keys } } as unknown as Declared;
});

function placement(id: string): Placement {
  const found = topology.placements.find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`there is no placement ${id}`);
  return found;
}

async function filesOf(id: string): Promise<ComponentFiles> {
  return componentFiles(declared, placement(id), rendererOf(declared, placement(id)));
}

function placedFiles({ files, certificates }: ComponentFiles): readonly PlacedFile[] {
  return [...files.map(({ file }) => file), ...certificates.flatMap((group) => group.files)];
}

async function textOf(files: ComponentFiles, name: string): Promise<string> {
  const file = placedFiles(files).find(({ path }) => path.endsWith(name));
  return String(await file?.content.read());
}

describe('componentFiles', () => {
  it('makes no secret and no key while a plan only looks, and does not know what they will be', async () => {
    const files = await filesOf('store/m1');
    expect(placedFiles(files).map(({ content }) => content.digest)).toEqual([undefined, undefined, undefined, undefined]);
    expect(filesDigest(files, 'restart').digest).toBeUndefined();
    for (const path of [layout.secrets, layout.certificates, layout.authorities]) expect(existsSync(path)).toBe(false);
  });

  it('makes what is missing when it is read, and knows it ever after', async () => {
    const before = await filesOf('store/m1');
    const made = await Promise.all(placedFiles(before).map(({ content }) => content.read()));
    const after = placedFiles(await filesOf('store/m1'));
    expect(after.map(({ path, mode }) => `${path} ${mode.toString(8)}`)).toEqual([
      '/opt/sample/store.conf 600',
      '/opt/sample/ssl/tls.crt 644',
      '/opt/sample/ssl/tls.key 600',
      '/opt/sample/ssl/ca.crt 644',
    ]);
    expect(after.map(({ content }) => content.digest)).toEqual(made.map((text) => digestOf(text)));
  });

  it('fills the secret of another component into a file; nothing where that component is not in the cluster', async () => {
    const path = 'components/web/component.yaml';
    const tree = {
      ...MANIFESTS,
      [path]: `${MANIFESTS[path] ?? ''}files: [{ path: /etc/web.conf, template: web.conf }]\n`,
      'components/web/web.conf': 'store=${secret.store-root} other=${secret.other-key}\n',
      'components/other/component.yaml':
        'apiVersion: caisson/v1\nkind: Component\nname: other\nsummary: Is on no host\nsecrets: [{ name: other-key }]\n',
    };
    topology = resolveTopology(parseClusterSpec(clusterYaml(THREE_NODES), 'cluster.yaml'), await loadManifests(memoryTree(tree)));
    declared = { topology, seed: { name: 'm1', layout, keys } } as unknown as Declared;
    const text = await textOf(await filesOf('web/f1'), 'web.conf');
    expect(text).toBe(`store=${await readFile(join(layout.secrets, 'store-root'), 'utf8')} other=\n`);
    expect(existsSync(join(layout.secrets, 'other-key'))).toBe(false);
  });

  it('fills secrets into files, and not into services', async () => {
    const text = await textOf(await filesOf('store/m1'), 'store.conf');
    const secret = await readFile(join(layout.secrets, 'store-root'), 'utf8');
    expect(text).toBe(`name=m1\npassword=${secret}\n`);
    expect(JSON.stringify(componentServices(declared, placement('store/m1')))).not.toContain(secret);
  });

  it('issues certificates for the names and addresses of the host, by the authority of the site', async () => {
    const files = await filesOf('store/m1');
    const certificate = new X509Certificate(await textOf(files, 'tls.crt'));
    const names = (certificate.subjectAltName ?? '').split(', ').sort();
    expect(names).toEqual(['DNS:localhost', 'DNS:m1', 'IP Address:10.0.0.11', 'IP Address:127.0.0.1']);
    const authority = String(await (await keys.authority(SITE_AUTHORITY)).read());
    expect(certificate.verify(new X509Certificate(authority).publicKey)).toBe(true);
    expect(await textOf(files, 'ca.crt')).toBe(authority);
  });

  it('knows the digest of no files for a component without any', async () => {
    expect(filesDigest(await filesOf('web/f1'), 'restart').digest).toBe(digestOf(''));
  });
});

describe('componentServices', () => {
  it('have their templates filled in for the host', () => {
    const [web] = componentServices(declared, placement('web/f1'));
    expect(web?.container?.environment).toEqual({ STORE: '10.0.0.11' });
  });
});

describe('filesDigest', () => {
  function group(files: readonly { readonly path: string; readonly text: string; readonly onChange?: OnChange }[]): ComponentFiles {
    return {
      files: files.map(({ path, text, onChange = 'restart' }) => ({
        onChange,
        file: { path, mode: 0o644, content: fixedContent(text) },
      })),
      certificates: [],
      keyPairs: [],
      artifacts: [],
    };
  }
  const A = { path: '/a', text: 'x' };
  const B = { path: '/b', text: 'y' };
  const digest = (files: Parameters<typeof group>[0], what: OnChange = 'restart') => filesDigest(group(files), what).digest;

  it('does not depend on the order, and is the same when it is read', async () => {
    expect(digest([A, B])).toBe(digest([B, A]));
    expect(await filesDigest(group([A, B]), 'restart').read()).toBe(digest([A, B]));
  });

  it('depends on bytes, on paths, and on which bytes have which path', () => {
    const swapped = [
      { path: '/a', text: 'y' },
      { path: '/b', text: 'x' },
    ];
    const digests = [[A, B], [], [A], [{ path: '/c', text: 'x' }, B], swapped].map((files) => digest(files));
    expect(new Set(digests).size).toBe(digests.length);
  });

  it('depends on files out of images by their place and their image, each for what its change means', () => {
    const tool = (path: string, release: string, onChange: OnChange = 'restart'): ComponentFiles => ({
      ...group([A]),
      artifacts: [{ onChange, path, release: digestOf(release) }],
    });
    const files = [group([A]), tool('/tool', '1'), tool('/tool', '2'), tool('/other', '1')];
    expect(new Set(files.map((one) => filesDigest(one, 'restart').digest)).size).toBe(4);
    expect(filesDigest(tool('/tool', '1', 'reload'), 'restart').digest).toBe(digest([A]));
    expect(filesDigest(tool('/tool', '1', 'reload'), 'reload').digest).not.toBe(digest([], 'reload'));
    expect(onChangePaths(tool('/tool', '1'), 'restart')).toEqual(['/a', '/tool']);
    expect(onChangePaths(tool('/tool', '1', 'nothing'), 'restart')).toEqual(['/a']);
  });

  it('counts each file for what its change means alone', () => {
    const reloaded = { ...B, onChange: 'reload' } as const;
    const ignored = { path: '/c', text: 'z', onChange: 'nothing' } as const;
    expect(digest([A, reloaded, ignored])).toBe(digest([A]));
    expect(digest([A, reloaded, ignored], 'reload')).toBe(digest([reloaded], 'reload'));
    expect(onChangePaths(group([A, reloaded, ignored]), 'reload')).toEqual(['/b']);
  });
});
