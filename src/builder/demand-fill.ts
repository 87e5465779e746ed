import pLimit, { type LimitFunction } from 'p-limit';
import type { BundleEntry } from '../bundle/index.ts';
import { CaissonError, formatSize, messageOf } from '../core/index.ts';
import { fillMember, type FilledWriter, type FillOptions } from './fill.ts';
import type { Origin } from './plan.ts';

export interface DemandFillOptions extends FillOptions {
  /** Called once, when no member is missing any more. */
  readonly onComplete: () => void;
}

/** The rest of a bundle that was not fetched yet. */
export interface Missing {
  readonly members: number;
  /** Bytes of these members that are still to be fetched or proven. */
  readonly bytes: number;
}

/** Members up to this size have a lane of their own: a manifest does not wait behind layers. */
const SMALL = 1024 * 1024;

/**
 * Brings members of a bundle when they are asked for. All who ask for one member wait for one fetch, and a fetch goes on
 * when those who asked have left. A member counts as there when its bytes are written and have the planned digest.
 */
export class DemandFill {
  readonly #writer: FilledWriter;
  readonly #origins: ReadonlyMap<string, readonly Origin[]>;
  readonly #options: DemandFillOptions;
  readonly #missing: Map<string, BundleEntry>;
  readonly #running = new Map<string, Promise<void>>();
  readonly #large: LimitFunction;
  readonly #small: LimitFunction;
  readonly #stop = new AbortController();

  constructor(writer: FilledWriter, origins: ReadonlyMap<string, readonly Origin[]>, options: DemandFillOptions) {
    this.#writer = writer;
    this.#origins = origins;
    this.#options = options;
    this.#missing = new Map(writer.pending().map((entry) => [entry.path, entry]));
    this.#large = pLimit(options.jobs);
    this.#small = pLimit(options.jobs);
  }

  missing(): Missing {
    const entries = [...this.#missing.values()];
    return { members: entries.length, bytes: entries.reduce((sum, entry) => sum + entry.size - this.#writer.present(entry), 0) };
  }

  /**
   * Resolves once the member is there, and at once for one that was there or that the bundle does not have. Throws the
   * reason why its bytes cannot be fetched, or are not those that the lock promises; wrong bytes are not kept, and the next
   * call asks upstream again.
   */
  async need(path: string): Promise<void> {
    const entry = this.#missing.get(path);
    if (entry === undefined) return;
    const running = this.#running.get(path) ?? this.#bring(entry);
    this.#running.set(path, running);
    await running;
  }

  /** Stops fetches that still run; what they brought stays for the next start. */
  async close(): Promise<void> {
    this.#stop.abort(new CaissonError('INTERRUPTED', 'Stopped fetching'));
    await Promise.allSettled(this.#running.values());
  }

  async #bring(entry: BundleEntry): Promise<void> {
    try {
      await (entry.size <= SMALL ? this.#small : this.#large)(() => this.#fetch(entry));
    } finally {
      this.#running.delete(entry.path);
    }
    if (this.#missing.size === 0) this.#options.onComplete();
  }

  async #fetch(entry: BundleEntry): Promise<void> {
    const { emit } = this.#options;
    this.#stop.signal.throwIfAborted();
    try {
      await fillMember(this.#writer, entry, this.#origins.get(entry.path) ?? [], { ...this.#options, signal: this.#stop.signal });
    } catch (error) {
      this.#stop.signal.throwIfAborted();
      const refused = asRefusal(entry, error);
      emit({ type: 'warning', message: messageOf(refused), ...hintOf(refused) });
      throw refused;
    }
    this.#missing.delete(entry.path);
    emit({ type: 'note', message: `Fetched ${entry.path} (${formatSize(entry.size)}) from ${entry.origin}` });
  }
}

/** The error with the place that the host asked for and a remedy. */
function asRefusal({ path, origin }: BundleEntry, error: unknown): unknown {
  if (!(error instanceof CaissonError)) return error;
  const hint =
    error.code === 'DIGEST_MISMATCH'
      ? `What is upstream is not what the lock promises, and nothing of it was kept. Take ${origin} from another mirror, or bring the bundle of the lock: caisson install --offline --bundle FILE`
      : error.hint;
  return new CaissonError(error.code, `Cannot supply "${path}": ${error.message}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

function hintOf(error: unknown): { readonly hint?: string } {
  return error instanceof CaissonError && error.hint !== undefined ? { hint: error.hint } : {};
}
