import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseClusterSpec, resolveTopology, type Placement, type Topology } from '../../src/cluster/index.ts';
import { loadManifests, type Manifests } from '../../src/manifests/index.ts';
import { fixedClock } from '../../src/core/index.ts';
import { componentDirectories, componentFiles, componentServices } from '../../src/install/component-files.ts';
import type { InstallContext } from '../../src/install/context.ts';
import { openSecretStore } from '../../src/install/secret-store.ts';
import { openSiteAuthority } from '../../src/install/site-authority.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { clusterYaml, MANIFESTS, THREE_NODES } from './sample-install.ts';

const directory = useTempDir();
let manifests: Manifests;
let context: InstallContext;
let topology: Topology;

beforeAll(async () => {
  manifests = await loadManifests(memoryTree(MANIFESTS));
});
beforeEach(() => {
  topology = resolveTopology(parseClusterSpec(clusterYaml(THREE_NODES), 'cluster.yaml'), manifests);
  const clock = fixedClock(Date.UTC(2026, 0, 1));
  const authority = openSiteAuthority({ pki: join(directory(), 'pki'), store: join(directory(), 'store'), name: 'sample', clock });
  // Only what the files of a component come from.
  context = { topology, authority, secrets: openSecretStore(join(directory(), 'secrets')) } as unknown as InstallContext;
});

function placement(id: string): Placement {
  const found = topology.placements.find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`nothing is placed as ${id}`);
  return found;
}

describe('componentFiles', () => {
  it('makes nothing when it is only asked what there is', async () => {
    await context.authority.obtainAuthority();
    expect(await componentFiles(context, placement('store/m1'), 'peek')).toBeUndefined();
    expect(existsSync(join(directory(), 'secrets'))).toBe(false);
    expect(existsSync(join(directory(), 'store'))).toBe(false);
  });

  it('makes what is missing once, and finds the same ever after', async () => {
    await context.authority.obtainAuthority();
    const made = await componentFiles(context, placement('store/m1'), 'obtain');
    expect(made?.map(({ path, mode }) => `${path} ${mode.toString(8)}`)).toEqual([
      '/opt/sample/store.conf 600',
      '/opt/sample/ssl/tls.crt 644',
      '/opt/sample/ssl/tls.key 600',
      '/opt/sample/ssl/ca.crt 644',
    ]);
    expect(await componentFiles(context, placement('store/m1'), 'peek')).toEqual(made);
  });

  it('fills secrets into files', async () => {
    await context.authority.obtainAuthority();
    const [config] = (await componentFiles(context, placement('store/m1'), 'obtain')) ?? [];
    const secret = await context.secrets.peek('store-root');
    expect(config?.content).toBe(`name=m1\npassword=${secret ?? ''}\n`);
    expect(JSON.stringify(componentServices(context, placement('store/m1')))).not.toContain(secret);
  });

  it('issues certificates for the names and addresses of the host, by the authority of the site', async () => {
    const issuer = await context.authority.obtainAuthority();
    const files = (await componentFiles(context, placement('store/m1'), 'obtain')) ?? [];
    const contentOf = (name: string): string => String(files.find(({ path }) => path.endsWith(name))?.content);
    const certificate = new X509Certificate(contentOf('tls.crt'));
    const names = (certificate.subjectAltName ?? '').split(', ').sort();
    expect(names).toEqual(['DNS:localhost', 'DNS:m1', 'IP Address:10.0.0.11', 'IP Address:127.0.0.1']);
    expect(certificate.verify(new X509Certificate(issuer).publicKey)).toBe(true);
    expect(contentOf('ca.crt')).toBe(issuer);
  });

  it('needs nothing for a component without files', async () => {
    expect(await componentFiles(context, placement('web/f1'), 'peek')).toEqual([]);
  });
});

describe('componentServices and componentDirectories', () => {
  it('have their templates filled in for the host', () => {
    const [web] = componentServices(context, placement('web/f1'));
    expect(web?.container?.environment).toEqual({ STORE: '10.0.0.11' });
    expect(componentDirectories(context, placement('store/m1'))).toEqual([{ path: '/opt/sample/data', mode: 0o700, owner: '1001:0' }]);
  });
});
