import pLimit from 'p-limit';
import type { Digest } from '../core/index.ts';
import type { Place } from './failure-lines.ts';
import type { LockedListedFile } from './lock.ts';
import type { Upstream } from './upstream.ts';
import { orUnresolved, type Unresolved } from './unresolved.ts';

/** One line of files.txt. */
export interface FileRequest {
  readonly name: string;
  readonly url: string;
  /** The digest that the line promises. */
  readonly digest?: Digest;
  /** The line that asks for it, for messages. */
  readonly place?: Place;
}

export interface FileTools extends Pick<Upstream, 'measure' | 'signal'> {
  /** Most files that are read at the same time. */
  readonly jobs: number;
  /** Told the number of files that are done, failed ones included, and the name of the last one. */
  readonly onResolved?: (done: number, name: string) => void;
}

/**
 * Finds digest and size of files: a promised digest is taken, so that only the size is asked for; a file without one is read to
 * its end. One that fails is a value among the results. Results are in the order of the requests.
 */
export async function resolveFiles(
  requests: readonly FileRequest[],
  { measure, signal, jobs, onResolved }: FileTools,
): Promise<(LockedListedFile | Unresolved)[]> {
  const limit = pLimit(jobs);
  let done = 0;
  return Promise.all(
    requests.map(({ name, url, digest, place }) =>
      limit(async () => {
        signal?.throwIfAborted();
        const options = { ...(digest === undefined ? {} : { digest }), ...(signal === undefined ? {} : { signal }) };
        const result = await orUnresolved(
          `file "${name}"`,
          async () => {
            const { digest: found, size } = await measure(url, options);
            return { name, url, digest: found, size };
          },
          place,
        );
        done += 1;
        onResolved?.(done, name);
        return result;
      }),
    ),
  );
}
