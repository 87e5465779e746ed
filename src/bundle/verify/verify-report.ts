import { CaissonError, type Digest } from '../../core/index.ts';
import { listFindings, type Finding } from '../format/bundle-errors.ts';
import type { BundleBase } from '../format/manifest.ts';
import type { BundleSignature } from '../trust/trust.ts';

/** What verifyBundle saw. The bundle is whole exactly when `findings` is empty. */
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
  /** Of a delta: the bundles that it needs, which were not looked at. */
  readonly bases: readonly BundleBase[];
  /** Those that are good, in their order. */
  readonly signatures: readonly BundleSignature[];
  readonly findings: readonly Finding[];
}

/** A bundle that is not what was built: every fault, by member. */
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
