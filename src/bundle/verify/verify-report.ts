import { CaissonError, type Digest } from '../../core/index.ts';
import { listFindings, type Finding } from '../format/bundle-errors.ts';
import type { BundleBase } from '../format/manifest.ts';
import type { BundleSignature } from '../trust/trust.ts';

/** The result of verifyBundle. The bundle is whole exactly when `findings` is empty. */
export interface VerifyReport {
  /** Of the file, or of the first volume. */
  readonly path: string;
  /** Of the file, or of all volumes in order. */
  readonly paths: readonly string[];
  /** Bytes of the file, all of which were checked. */
  readonly size: number;
  /** Name and version; undefined when bundle.json cannot be read. */
  readonly name: string | undefined;
  readonly version: string | undefined;
  /** Number of members found. */
  readonly members: number;
  /** The bundle's identity: digest of its SHA256SUMS as found; undefined when there is none. */
  readonly bundleDigest: Digest | undefined;
  /** Of a delta: the bundles that it needs; they were not checked. */
  readonly bases: readonly BundleBase[];
  /** The valid signatures, in the order of the bundle. */
  readonly signatures: readonly BundleSignature[];
  readonly findings: readonly Finding[];
}

/** Every fault of a bundle, by member. */
export class VerifyFailedError extends CaissonError {
  readonly report: VerifyReport;

  constructor(report: VerifyReport) {
    const count = report.findings.length === 1 ? '1 fault' : `${report.findings.length} faults`;
    super('BUNDLE_DAMAGED', `Cannot trust "${report.path}": ${count}\n${listFindings(report.findings)}`, {
      hint: 'Copy it again from where it was built, and verify it there too',
    });
    this.report = report;
  }

  override get data(): Readonly<Record<string, unknown>> {
    return { report: this.report };
  }
}
