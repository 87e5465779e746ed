import { describe, expect, it } from 'vitest';
import type { BundleRepository } from '../../src/bundle/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { operatingSystemSchema } from '../../src/manifests/index.ts';
import { toolsOn, wantedOn, type Declared } from '../../src/plan/index.ts';
import { aptManager } from '../../src/resources/packages/apt/apt-manager.ts';
import { dnfManager } from '../../src/resources/packages/dnf/dnf-manager.ts';
import { useDeclared } from './sample-declared.ts';

const declare = useDeclared();
const KEY = 'rpm/rocky-9/keys/vendor.asc';

const ROCKY = operatingSystemSchema.parse({
  apiVersion: 'caisson/v1',
  kind: 'OperatingSystem',
  id: 'rocky',
  version: '9',
  packages: 'rpm',
  repositories: [{ url: 'https://rpm.example/9', signedBy: 'keys/rocky.asc' }],
  packageSets: [{ name: 'tools', packages: ['jq', 'socat'] }],
});

const REPOSITORY: BundleRepository = {
  id: 'rocky-9',
  type: 'rpm',
  path: 'rpm/rocky-9',
  architectures: ['aarch64', 'x86_64'],
  keys: [KEY],
  packages: [
    { name: 'jq', version: '1.6-15.el9', architecture: 'x86_64', path: 'a', set: ['tools'] },
    { name: 'jq', version: '1.6-99.el9', architecture: 'aarch64', path: 'b', set: ['tools'] },
    { name: 'socat', version: '1:1.7-5.el9', architecture: 'noarch', path: 'c', set: ['tools'] },
  ],
};

/** The sample, in which the host m1 has Rocky Linux and the others Debian. */
async function mixed(): Promise<Declared> {
  const declared = await declare();
  const { bundle } = declared.supply;
  const entry = bundle.entry.bind(bundle);
  const other = {
    manifest: { ...bundle.manifest, repositories: [...bundle.manifest.repositories, REPOSITORY] },
    bundleDigest: bundle.bundleDigest,
    entry: (path: string) =>
      path === KEY
        ? { path, kind: 'repository' as const, size: 3, digest: digestOf('KEY'), mode: 0o644, offset: 0, origin: 'builder' }
        : entry(path),
    open: bundle.open.bind(bundle),
    read: async () => Buffer.from('KEY'),
  };
  const systems = new Map([...declared.observed.systems, ['m1', ROCKY]]);
  return { ...declared, supply: { ...declared.supply, bundle: other }, observed: { ...declared.observed, systems } };
}

describe('a cluster of two operating systems', () => {
  it('gives each host the package source of its own', async () => {
    const declared = await mixed();
    const paths = async (host: string): Promise<readonly string[]> => (await wantedOn(declared, host)).map(({ key }) => key);
    const [rocky, debian] = [await paths('m1'), await paths('f1')];
    expect(rocky).toEqual(expect.arrayContaining(['/etc/caisson/dnf/dnf.conf', '/etc/caisson/dnf/updated-for', '/var/lib/caisson/dnf']));
    expect(debian).toEqual(
      expect.arrayContaining(['/etc/caisson/apt/apt.conf', '/etc/caisson/apt/updated-for', '/var/lib/caisson/apt/lists']),
    );
    expect(rocky.filter((path) => path.includes('/apt'))).toEqual([]);
    expect(debian.filter((path) => path.includes('/dnf'))).toEqual([]);
  });

  it("places the vendors' keys that the bundle carries", async () => {
    const key = (await wantedOn(await mixed(), 'm1')).find(({ key: path }) => path === '/etc/caisson/dnf/vendor-1.asc');
    expect(key?.kind === 'file' && String(await key.spec.content.read())).toBe('KEY');
  });

  it('asks for packages by the words of the system for the CPU', async () => {
    const wanted = (await wantedOn(await mixed(), 'm1')).filter(({ kind }) => kind === 'package');
    expect(wanted.map(({ key, spec }) => [key, spec])).toEqual([
      ['jq', { version: '1.6-15.el9' }],
      ['socat', { version: '1:1.7-5.el9' }],
    ]);
  });

  it('takes packages from a host that leaves with the tool that the record names', async () => {
    const declared = await mixed();
    const observed = { ...declared.observed, leaving: new Map([['gone', 'rpm' as const]]) };
    expect(toolsOn({ ...declared, observed }, 'gone').packages).toBe(dnfManager);
    expect(toolsOn(declared, 'm1').packages).toBe(dnfManager);
    expect(toolsOn(declared, 'f1').packages).toBe(aptManager);
  });
});
