import type { SiteRecord, SiteStore } from '../../site/index.ts';

/** Writes the site record during a run. Writes happen one after the other; each is on disk before the next starts. */
export class SiteWriter {
  readonly #store: SiteStore;
  #record: SiteRecord;
  #revision: number | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** `revision` is that of the record in the store; undefined when the store has no record. */
  constructor(store: SiteStore, record: SiteRecord, revision: number | undefined) {
    this.#store = store;
    this.#record = record;
    this.#revision = revision;
  }

  get record(): SiteRecord {
    return this.#record;
  }

  /**
   * Writes the record as `change` returns it. Throws SITE_RECORD_CHANGED when another process has written it in the
   * meantime.
   */
  async update(change: (record: SiteRecord) => SiteRecord): Promise<void> {
    const write = this.#writing.then(async () => {
      this.#record = await this.#store.write(change(this.#record), this.#revision);
      this.#revision = this.#record.revision;
    });
    // The caller of a failed write gets its error. Writes that wait for it still run.
    this.#writing = write.catch(() => {});
    await write;
  }

  /** Removes the record after all writes have ended. For a site that no host belongs to any more. */
  async remove(): Promise<void> {
    await this.#writing;
    await this.#store.remove();
  }
}
