import pLimit from 'p-limit';
import type { Digest } from '../core/index.ts';
import type { BlobStore } from '../oci/index.ts';
import type { RegistryWriter } from '../registry/index.ts';
import type { Failures } from './failures.ts';
import type { PushBlob, PushPlan } from './plan.ts';
import type { PushCounts } from './report.ts';
import type { Survey } from './survey.ts';

export interface PushBlobsOptions {
  readonly jobs: number;
  readonly failures: Failures;
  readonly signal: AbortSignal;
  /** Told the bytes that were brought so far, of all that were missing, and the repository of the last ones. */
  readonly onProgress: (done: number, repository: string) => void;
}

export interface PushedBlobs {
  readonly uploaded: PushCounts;
  readonly mounted: PushCounts;
}

/** Bytes to bring, counted in each repository. */
export function bytesToPlace(plan: PushPlan, survey: Survey): number {
  return plan.blobs.reduce((sum, blob) => sum + blob.size * missingPlaces(blob, survey).length, 0);
}

/**
 * Brings every blob to the repositories that lack it, the largest first: uploaded once, then mounted into the others. A
 * blob that cannot be brought is added to `failures`.
 */
export async function pushBlobs(
  plan: PushPlan,
  survey: Survey,
  blobs: BlobStore,
  registry: RegistryWriter,
  { jobs, failures, signal, onProgress }: PushBlobsOptions,
): Promise<PushedBlobs> {
  const counts = { uploaded: { count: 0, size: 0 }, mounted: { count: 0, size: 0 } };
  const limit = pLimit(jobs);
  const running = new Map<Digest, number>();
  let done = 0;
  const progress = (digest: Digest, repository: string, position: number): void => {
    running.set(digest, position);
    onProgress(done + [...running.values()].reduce((sum, bytes) => sum + bytes, 0), repository);
  };

  /** The repository that has the blob from now on. */
  const place = async (blob: PushBlob, repository: string, source: string | undefined): Promise<void> => {
    const { digest, size } = blob;
    const mount = source === undefined ? undefined : await registry.mountBlob(repository, source, digest, { signal });
    if (mount !== 'mounted') {
      await registry.pushBlob(
        repository,
        { digest, size, open: (range) => blobs.open(digest, range) },
        { session: mount, signal, onProgress: (position) => progress(digest, repository, position) },
      );
    }
    const count = mount === 'mounted' ? counts.mounted : counts.uploaded;
    count.count += 1;
    count.size += size;
    running.delete(digest);
    done += size;
    progress(digest, repository, 0);
  };

  const bring = async (blob: PushBlob): Promise<void> => {
    let source = [...(survey.blobs.get(blob.digest) ?? [])][0];
    for (const repository of missingPlaces(blob, survey)) {
      const from = source;
      if (await failures.watch({ repository, digest: blob.digest }, () => place(blob, repository, from))) source ??= repository;
      running.delete(blob.digest);
    }
  };

  const open = plan.blobs.filter((blob) => missingPlaces(blob, survey).length > 0).toSorted((left, right) => right.size - left.size);
  await Promise.all(open.map((blob) => limit(() => bring(blob))));
  return counts;
}

function missingPlaces({ digest, repositories }: PushBlob, survey: Survey): readonly string[] {
  return repositories.filter((repository) => survey.blobs.get(digest)?.has(repository) !== true);
}
