import type { SiteRecord, SiteStore } from '../../site/index.ts';

/** The record of a site while a run changes it: one write after the other, each on disk before the next. */
export class SiteWriter {
  readonly #store: SiteStore;
  #record: SiteRecord;
  #revision: number | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** `revision` is that of the record in the store; undefined where there is none. */
  constructor(store: SiteStore, record: SiteRecord, revision: number | undefined) {
    this.#store = store;
    this.#record = record;
    this.#revision = revision;
  }

  get record(): SiteRecord {
    return this.#record;
  }

  /** Writes the record as the function changes it. Throws SITE_RECORD_CHANGED when another process wrote it meanwhile. */
  async update(change: (record: SiteRecord) => SiteRecord): Promise<void> {
    const write = this.#writing.then(async () => {
      this.#record = await this.#store.write(change(this.#record), this.#revision);
      this.#revision = this.#record.revision;
    });
    // A write that failed is told to whoever asked for it; those behind it try for themselves.
    this.#writing = write.catch(() => {});
    await write;
  }

  /** Nothing of the site is left. */
  async remove(): Promise<void> {
    await this.#writing;
    await this.#store.remove();
  }
}
