import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';

/** A certificate on the node: the component that it belongs to, its name there, and its file. */
export interface NamedCertificate {
  readonly component: string;
  readonly name: string;
  readonly path: string;
}

export interface CertificateEnd {
  readonly component: string;
  readonly name: string;
  readonly notAfter: Date;
}

/** Longest file that is read as a certificate, in bytes. */
const MAX_BYTES = 1024 * 1024;

interface Known {
  /** Changes with each write of the file. */
  readonly version: string;
  readonly notAfter: Date | undefined;
}

/** Reads the ends of certificates. Reads a file again when its time, size or inode has changed. */
export class CertificateEnds {
  readonly #certificates: readonly NamedCertificate[];
  readonly #known = new Map<string, Known>();

  constructor(certificates: readonly NamedCertificate[]) {
    this.#certificates = certificates;
  }

  /** Ends of the first certificate of each file. One that is not there or is no certificate is left out. Never rejects. */
  async read(): Promise<readonly CertificateEnd[]> {
    const ends: CertificateEnd[] = [];
    for (const { component, name, path } of this.#certificates) {
      const notAfter = await this.#endOf(path);
      if (notAfter !== undefined) ends.push({ component, name, notAfter });
    }
    return ends;
  }

  async #endOf(path: string): Promise<Date | undefined> {
    try {
      const { mtimeMs, size, ino } = await stat(path);
      const version = `${mtimeMs} ${size} ${ino}`;
      const known = this.#known.get(path);
      if (known?.version === version) return known.notAfter;
      const notAfter = size > MAX_BYTES ? undefined : endOf(await readFile(path, 'utf8'));
      this.#known.set(path, { version, notAfter });
      return notAfter;
    } catch {
      return undefined;
    }
  }
}

function endOf(pem: string): Date | undefined {
  try {
    const end = new Date(new X509Certificate(pem).validTo);
    return Number.isNaN(end.getTime()) ? undefined : end;
  } catch {
    return undefined;
  }
}
