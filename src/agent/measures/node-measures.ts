import { messageOf } from '../../core/index.ts';
import { sleep } from '../../io/index.ts';
import { CertificateEnds, type CertificateEnd, type NamedCertificate } from './certificate-ends.ts';
import { FileSystems, withinLimit, type FileSystemUse } from './file-systems.ts';

/** Milliseconds between two looks. */
const PERIOD_MS = 60_000;

/** Facts about the node besides the states of its components. */
export interface Measures {
  readonly certificates: readonly CertificateEnd[];
  readonly fileSystems: readonly FileSystemUse[];
}

export interface NodeMeasuresOptions {
  readonly certificates: readonly NamedCertificate[];
  readonly directories: readonly string[];
  readonly report: (about: string, message: string | undefined) => void;
}

const ABOUT = 'file systems';
/** Milliseconds for which a look waits for the files of certificates: a file system may be gone. */
const LIMIT_MS = 5000;

/** Looks at certificates and file systems once a minute, so that the work does not grow with the number of those who ask. */
export class NodeMeasures {
  readonly #ends: CertificateEnds;
  readonly #systems: FileSystems;
  readonly #report: NodeMeasuresOptions['report'];
  #certificates: readonly CertificateEnd[] = [];
  #fileSystems: readonly FileSystemUse[] = [];
  #reading: Promise<void> | undefined;

  constructor({ certificates, directories, report }: NodeMeasuresOptions) {
    this.#ends = new CertificateEnds(certificates);
    this.#systems = new FileSystems({ directories });
    this.#report = report;
  }

  /** The last look; empty before the first one. */
  get last(): Measures {
    return { certificates: this.#certificates, fileSystems: this.#fileSystems };
  }

  /** Looks until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#measure();
      this.#reading ??= this.#readEnds();
      await withinLimit(this.#reading, LIMIT_MS);
      await sleep(PERIOD_MS, signal).catch(() => {});
    }
  }

  async #measure(): Promise<void> {
    try {
      this.#fileSystems = await this.#systems.read();
      this.#report(ABOUT, undefined);
    } catch (error) {
      this.#fileSystems = [];
      this.#report(ABOUT, `Cannot tell how full the file systems are: ${messageOf(error)}`);
    }
  }

  async #readEnds(): Promise<void> {
    this.#certificates = await this.#ends.read();
    this.#reading = undefined;
  }
}
