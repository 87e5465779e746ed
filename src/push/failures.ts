import { CaissonError, type Digest, type ErrorCode } from '../core/index.ts';
import { placeOf } from './survey.ts';

/** A blob or document, and the repository that it should be in. */
export interface Place {
  readonly repository: string;
  readonly digest: Digest;
}

/** Failures after which further work is not tried: the registry is gone. */
const FAILURES_LIMIT = 8;

/** Codes of failures of the registry. Failures of the disk or the bundle end the push at once. */
const OF_REGISTRY: ReadonlySet<ErrorCode> = new Set(['AUTH_FAILED', 'FETCH_FAILED', 'PUSH_REFUSED', 'RATE_LIMITED', 'IMAGE_NOT_FOUND']);

/** Collects failures of single pieces of work, after which other work continues, and the first failure that ends the push. */
export class Failures {
  readonly #places = new Map<string, CaissonError>();
  readonly #stop = new AbortController();
  readonly signal: AbortSignal;
  #fatal: { readonly error: unknown } | undefined;

  constructor(signal: AbortSignal | undefined) {
    this.signal = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
  }

  /** Does the work, unless too much has failed; false when it failed or was not tried. */
  async watch(place: Place, work: () => Promise<void>): Promise<boolean> {
    if (this.signal.aborted || this.#places.size >= FAILURES_LIMIT) return false;
    try {
      await work();
      return true;
    } catch (error) {
      if (error instanceof CaissonError && OF_REGISTRY.has(error.code)) this.#places.set(placeOf(place.repository, place.digest), error);
      else {
        this.#fatal ??= { error };
        this.#stop.abort(error);
      }
      return false;
    }
  }

  get size(): number {
    return this.#places.size;
  }

  of({ repository, digest }: Place): CaissonError | undefined {
    return this.#places.get(placeOf(repository, digest));
  }

  /** Throws the failure that ended the push, if there is one. */
  throwFatal(): void {
    if (this.#fatal !== undefined) throw this.#fatal.error;
  }
}
