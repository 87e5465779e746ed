import { openBundle } from '../../src/bundle/index.ts';
import { hexOf, type Digest } from '../../src/core/index.ts';
import { stagedBundleName } from '../../src/site/index.ts';
import type { SimulatedMachine } from './simulated-machine.ts';

export interface ServedBundle {
  /** Its name on the seed. */
  readonly name: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

export async function servedBundle(path: string): Promise<ServedBundle> {
  const reader = await openBundle(path);
  const served = { name: stagedBundleName(reader), digest: reader.bundleDigest, size: reader.size };
  await reader.close();
  return served;
}

/** Has the depot of a cluster.yaml serve bundles, and a machine verify copies of them. A letter stands for each byte of a bundle. */
export function serveBundles(machine: SimulatedMachine, bundles: readonly ServedBundle[], cluster: string): void {
  const port = /depot: \{ port: (\d+)/.exec(cluster)?.[1] ?? '';
  machine.bundleDigests = new Map(bundles.map(({ name, digest }) => [name, digest]));
  for (const [index, { digest, size }] of bundles.entries()) {
    const content = String.fromCodePoint(97 + index).repeat(size);
    machine.served.set(`https://depot.sample.internal:${port}/bundles/${hexOf(digest)}.tar`, content);
    machine.copies.set(content, digest);
  }
}
