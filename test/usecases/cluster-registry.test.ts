import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openBundle } from '../../src/bundle/index.ts';
import { openFileStore, seedLayout, stagedBundleName, type SiteRecord } from '../../src/site/index.ts';
import { install, planInstall, planReset, upgrade, type RegistryContent, type RegistryFiller } from '../../src/usecases/index.ts';
import { writeSampleBundle } from '../support/sample-install.ts';
import type { SimulatedSite } from '../support/simulated-site.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { useSampleSites } from '../support/use-sites.ts';

const directory = useTempDir();
const samples = useSampleSites(directory);
const yes = async (): Promise<boolean> => true;

/** A registry that keeps nothing but the versions of the bundles that it was filled with. */
class SampleRegistry implements RegistryFiller {
  readonly has: string[] = [];
  readonly filled: string[] = [];
  fails = false;
  content: RegistryContent | undefined;

  isFilled(content: RegistryContent): Promise<boolean> {
    this.content = content;
    return Promise.resolve(this.has.includes(content.bundle.manifest.version));
  }

  fill({ bundle: { manifest } }: RegistryContent): Promise<void> {
    if (this.fails) return Promise.reject(new Error('the registry is full'));
    this.has.push(manifest.version);
    this.filled.push(manifest.version);
    return Promise.resolve();
  }
}

async function recordOf(site: SimulatedSite): Promise<SiteRecord> {
  const record = await openFileStore(seedLayout(site.seedRoot).record).read();
  if (record === undefined) throw new Error('the site has no record');
  return record;
}

async function begin(): Promise<{
  readonly site: SimulatedSite;
  readonly registry: SampleRegistry;
  readonly options: SimulatedSite['options'];
}> {
  const site = await samples.open();
  const registry = new SampleRegistry();
  return { site, registry, options: { ...site.options, registryFiller: registry } };
}

/** The options of a run with a later bundle, which the machines know. */
async function withLaterBundle(site: SimulatedSite, options: SimulatedSite['options']): Promise<SimulatedSite['options']> {
  const path = await writeSampleBundle(join(directory(), 'later.tar'), { version: '2' });
  const reader = await openBundle(path);
  for (const machine of site.machines) {
    machine.bundleDigests = new Map([...machine.bundleDigests, [stagedBundleName(reader), reader.bundleDigest]]);
  }
  await reader.close();
  return { ...options, bundlePaths: [path] };
}

describe('the registry of a cluster', () => {
  it('is filled with the images of the bundle, once it and its entry are healthy', async () => {
    const { site, registry, options } = await begin();
    const { plan } = await planInstall(options);
    const step = plan.steps.find(({ type }) => type === 'fill');
    expect(step).toMatchObject({ host: 'm1', summary: 'put the images of the bundle into registry.example' });
    expect(step?.needs.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['check-components/m1/store', 'check-components/f1/web', 'check-components/f2/web', 'start-depot/m1/answers']),
    );
    await install(options, yes);
    expect(registry.filled).toEqual([registry.content?.bundle.manifest.version]);
    expect(registry.content).toMatchObject({
      registry: { name: 'registry.example', address: '10.0.0.12', hosts: ['m1'] },
      authority: expect.stringContaining('BEGIN CERTIFICATE'),
      login: { username: 'writer', password: (await readFile(join(seedLayout(site.seedRoot).secrets, 'store-root'), 'utf8')).trim() },
    });
    expect((await recordOf(site)).registry).toEqual({ bundle: registry.content?.bundle.bundleDigest, hosts: ['m1'] });
  });

  it('is not asked again by a run without news', async () => {
    const { registry, options } = await begin();
    await install(options, yes);
    registry.content = undefined;
    expect((await install(options, yes)).changed).toBe(0);
    expect(registry.content).toBeUndefined();
  });

  it('gets the images of another bundle, but for a registry that has them all', async () => {
    const { site, registry, options } = await begin();
    await install(options, yes);
    const later = await withLaterBundle(site, options);
    registry.has.push('2');
    await upgrade(later, yes);
    expect(registry.filled).toHaveLength(1);
    expect((await recordOf(site)).registry?.bundle).toBe((await recordOf(site)).bundle?.digest);
  });

  it('ends the run where it cannot be filled, and the next run goes on', async () => {
    const { site, registry, options } = await begin();
    registry.fails = true;
    await expect(install(options, yes)).rejects.toMatchObject({
      code: 'INSTALL_FAILED',
      message: expect.stringContaining('the registry is full'),
    });
    expect((await recordOf(site)).registry).toBeUndefined();
    registry.fails = false;
    await install(options, yes);
    expect(registry.filled).toHaveLength(1);
  });

  it('is left alone by a run that cannot fill it, and by a reset', async () => {
    const { site, options } = await begin();
    const isFill = ({ type }: { readonly type: string }): boolean => type === 'fill';
    expect((await planInstall(site.options)).plan.steps.some(isFill)).toBe(false);
    await install(options, yes);
    const { plan } = await planReset({ ...(await withLaterBundle(site, options)), bundlePaths: undefined });
    expect(plan.steps.some(isFill)).toBe(false);
  });
});
