import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect } from 'vitest';
import { blobPath, closeBundles, openBundle, openBundles, verifyBundle, type PlannedFile } from '../../src/bundle/index.ts';
import { digestOf, type Digest } from '../../src/core/index.ts';
import { openFileStore, seedLayout, stagedBundleName, type RecordedBundle, type SiteRecord } from '../../src/site/index.ts';
import { writeDelta } from './delta-bundle.ts';
import { sampleBundle, type SampleBundle } from './sample-install.ts';
import type { SimulatedSite } from './simulated-site.ts';
import type { SmallBundle } from './small-bundle.ts';

/** A bundle of a chain: its path, and the name and digest that it has on the seed. */
export interface Link {
  readonly path: string;
  readonly name: string;
  readonly digest: Digest;
  /** Names that the bundles have on the seed that it needs, and its own. */
  readonly whole: readonly string[];
}

/** Writes a bundle that has a blob of its own, so that a delta on it needs it. */
export async function writeLink(directory: string, version: string, bases: readonly Link[] = [], sample: SampleBundle = {}): Promise<Link> {
  const bundle = withBlob(sampleBundle({ ...sample, version }), version);
  const path = await writeDelta(
    join(directory, `${version}.tar`),
    bundle,
    bases.map((base) => base.path),
  );
  const reader = await openBundle(path);
  await reader.close();
  const needed = reader.manifest.bases.map(({ digest }) => bases.find((base) => base.digest === digest)?.name ?? String(digest));
  const name = stagedBundleName(reader);
  return { path, name, digest: reader.bundleDigest, whole: [name, ...needed].sort() };
}

function withBlob({ input, contents }: SmallBundle, version: string): SmallBundle {
  const versions = Array.from({ length: Number(version) }, (_, index) => Buffer.from(`what version ${index + 1} brought\n`.repeat(100)));
  const files = versions.map((bytes): PlannedFile => {
    const digest = digestOf(bytes);
    return { path: blobPath(digest), kind: 'blob', size: bytes.length, digest, mode: 0o644, origin: 'registry.example' };
  });
  return {
    input: { ...input, files: [...input.files, ...files] },
    contents: new Map([...contents, ...versions.map((bytes): [string, Buffer] => [blobPath(digestOf(bytes)), bytes])]),
  };
}

/** Lets the simulated depots say that they serve these bundles. */
export function knowLinks({ machines }: SimulatedSite, links: readonly Link[]): void {
  for (const machine of machines) {
    machine.bundleDigests = new Map([...machine.bundleDigests, ...links.map(({ name, digest }): [string, string] => [name, digest])]);
  }
}

/** Names of the files in the seed's directory of bundles. */
export async function filesOnSeed({ seedRoot }: SimulatedSite): Promise<readonly string[]> {
  return (await readdir(seedLayout(seedRoot).bundles).catch(() => [])).sort();
}

export async function recordOf({ seedRoot }: SimulatedSite): Promise<SiteRecord | undefined> {
  return openFileStore(seedLayout(seedRoot).record).read();
}

/** Expects that the bundle in force and the one before can be opened with all that they need, and that every byte is right. */
export async function expectWhole(site: SimulatedSite, where: string): Promise<void> {
  const record = await recordOf(site);
  for (const bundle of [record?.bundle, record?.previous]) if (bundle !== undefined) await expectBundle(site, bundle, where);
}

async function expectBundle({ seedRoot }: SimulatedSite, { name, version, digest }: RecordedBundle, where: string): Promise<void> {
  const { bundles } = seedLayout(seedRoot);
  const findBase = async (base: { readonly name: string; readonly version: string; readonly digest: Digest }): Promise<string> =>
    join(bundles, stagedBundleName({ manifest: base, bundleDigest: base.digest }));
  const path = join(bundles, stagedBundleName({ manifest: { name, version }, bundleDigest: digest }));
  const readers = await openBundles([path], { findBase }).catch((cause: unknown) => {
    throw new Error(`${where}: "${basename(path)}" cannot be opened`, { cause });
  });
  await closeBundles(readers);
  for (const reader of readers) expect((await verifyBundle(reader.path)).findings, `${where}: ${basename(reader.path)}`).toEqual([]);
  expect(readers[0]?.bundleDigest, where).toBe(digest);
}
