import { BundleWriter, openPartialBundle, type BundleReader } from '../bundle/index.ts';
import { CaissonError, formatSize, messageOf, silent } from '../core/index.ts';
import type { Descriptor } from '../oci/index.ts';
import { DemandFill, type Missing } from './demand-fill.ts';
import { planOfBegun } from './locked-plan.ts';
import { originOpener, type Upstream } from './upstream.ts';

/** A bundle that was begun from its lock, and whose members are fetched when they are asked for. */
export interface OnlineBundle {
  /** Reads the members that are there. */
  readonly reader: BundleReader;
  /** The documents of each image (indexes and manifests), by its name in the bundle: known before their bytes are. */
  readonly documents: ReadonlyMap<string, readonly Descriptor[]>;
  /** Resolves once the bytes of a member are there with the digest of the lock. Throws the reason why not. */
  readonly need: (path: string) => Promise<void>;
  readonly missing: () => Missing;
  /** Stops fetching and closes the file. What was fetched stays for the next time. */
  close(): Promise<void>;
}

export interface OnlineOptions {
  /** Most members of each lane that are fetched at the same time. */
  readonly jobs: number;
}

/**
 * Opens the bundle that beginBundle began at `output`. One process at a time: it holds the write lock of the bundle. When
 * the last member is there the bundle gets its name. Throws INPUT_UNREADABLE when nothing was begun, BUNDLE_LOCKED,
 * BUNDLE_DAMAGED, and BUNDLE_WRITE_FAILED when the disk has no room for the rest.
 */
export async function openOnlineBundle(output: string, upstream: Upstream, { jobs }: OnlineOptions): Promise<OnlineBundle> {
  const { emit, clock } = upstream;
  const reader = await openPartialBundle(output);
  if (reader === undefined) {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot serve "${output}" online: there is no such bundle, and none was begun`, {
      hint: 'Name the lock that it is made from with --lock FILE',
    });
  }
  try {
    const { lock, plan, origins } = await planOfBegun(reader);
    const writer = await BundleWriter.create(plan, output, { emit: silent, clock });
    let finishing = Promise.resolve();
    const finish = async (): Promise<void> => {
      try {
        await writer.finish();
        emit({ type: 'note', message: `"${output}" is complete (${formatSize(plan.size)}): nothing more is fetched` });
      } catch (error) {
        emit({ type: 'warning', message: `Cannot give "${output}" its name, although nothing is missing: ${messageOf(error)}` });
      }
    };
    const onComplete = (): void => void (finishing = finish());
    const fill = new DemandFill(writer, origins, { open: originOpener(upstream, []), jobs, emit, onComplete });
    if (fill.missing().members === 0) onComplete();
    return {
      reader,
      documents: new Map(lock.images.map(({ name, documents }) => [name, documents])),
      need: (path) => fill.need(path),
      missing: () => fill.missing(),
      close: async () => {
        await fill.close();
        await finishing;
        await writer.suspend();
        await reader.close();
      },
    };
  } catch (error) {
    await reader.close();
    throw error;
  }
}
