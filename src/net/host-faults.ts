import type { Clock } from '../core/index.ts';
import type { FetchError } from './fetch-error.ts';

interface Fault {
  readonly error: FetchError;
  /** On the monotonic clock, in milliseconds. */
  readonly until: number;
}

/**
 * Hosts that cannot be reached. The fault of a host is one fault: once a request has had all its attempts, other requests
 * to the same scheme, host and port fail at once with the same error, and a list of a thousand images waits once. A host
 * that answers some requests is not faulty, whatever happened to another request meanwhile.
 */
export class HostFaults {
  readonly #clock: Clock;
  readonly #memoryMs: number;
  readonly #faults = new Map<string, Fault>();
  /** The number of the last answer of each origin; answers are counted over all hosts. */
  readonly #lastAnswer = new Map<string, number>();
  #answers = 0;

  /** `memoryMs` is the number of milliseconds after which a faulty host is asked again. */
  constructor(clock: Clock, memoryMs: number) {
    this.#clock = clock;
    this.#memoryMs = memoryMs;
  }

  /** Throws the fault of the host, if it has one. */
  check({ origin }: URL): void {
    const known = this.#known(origin);
    if (known !== undefined) throw known;
  }

  /** Takes down that the host gave an answer or bytes of one. */
  answered({ origin }: URL): void {
    this.#answers += 1;
    this.#lastAnswer.set(origin, this.#answers);
  }

  /** A mark for `judge`, taken before the first attempt of a request. */
  mark(): number {
    return this.#answers;
  }

  /** The error to throw for a request that has failed for good: from now on the fault of its host, if it is one. */
  judge(error: FetchError, mark: number): FetchError {
    if (error.blames === undefined) return error;
    const { origin } = new URL(error.url);
    const known = this.#known(origin);
    if (known !== undefined) return known;
    // A host that answered something in this run may only be slow, or may be kept from this one answer.
    if ((this.#lastAnswer.get(origin) ?? 0) > (error.blames === 'host' ? mark : 0)) return error;
    const fault = error.asFaultOf(origin);
    this.#faults.set(origin, { error: fault, until: this.#clock.monotonic() + this.#memoryMs });
    return fault;
  }

  #known(origin: string): FetchError | undefined {
    const fault = this.#faults.get(origin);
    if (fault === undefined || this.#clock.monotonic() < fault.until) return fault?.error;
    this.#faults.delete(origin);
    return undefined;
  }
}
