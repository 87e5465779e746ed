import { planAgain, readLock, RebuildDiffersError } from '../../builder/index.ts';
import {
  baseMisfit,
  describeSignature,
  distrustOf,
  groupVolumes,
  openBundle,
  VerifyFailedError,
  verifyBundle,
  type BundleLocation,
  type Trust,
  type VerifyReport,
} from '../../bundle/index.ts';
import { CaissonError, formatSize } from '../../core/index.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { addTrustFlags, trustOf, type TrustFlags } from '../signing/trust-flags.ts';

interface Flags extends TrustFlags {
  readonly requireSignature?: true;
  readonly rebuild?: string;
}

/**
 * `caisson verify BUNDLE...`: checks that each file is exactly as it was built and, with allowed signers, signed by one
 * of them. Otherwise lists every fault by member and ends with exit status 4.
 */
export const registerVerify: RegisterCommand = (program, run) => {
  const command = program
    .command('verify')
    .description('check every byte and every signature of bundles, and list every fault')
    .argument('<bundle...>', 'the bundles: their files, or volumes of them');
  addTrustFlags(command)
    .option('--require-signature', 'refuse a bundle that is not signed; without it, that is a warning')
    .option('--rebuild <lock>', 'also plan each bundle again from this lock and the files it carries: the plan must be the bundle')
    .action((bundles: readonly string[], flags: Flags) => run((context) => verify(bundles, flags, context)));
};

async function verify(bundles: readonly string[], flags: Flags, context: CommandContext): Promise<void> {
  if (flags.requireSignature === true && flags.allowedSigners === undefined) {
    throw new CaissonError('USAGE', 'Cannot use --require-signature without --allowed-signers: anybody can sign', {
      hint: 'Add --allowed-signers FILE',
    });
  }
  const trust = await trustOf(flags, context.clock);
  const reports: VerifyReport[] = [];
  for (const bundle of groupVolumes(bundles)) reports.push(await verifyOne(bundle, trust, flags, context));
  const misfit = baseMisfit(reports.map((report) => ({ ...report, digest: report.bundleDigest })));
  if (misfit !== undefined) throw misfit;
}

async function verifyOne(bundle: BundleLocation, trust: Trust | undefined, flags: Flags, context: CommandContext): Promise<VerifyReport> {
  const { emit, signal, clock } = context;
  const report = await verifyBundle(bundle, { emit, signal, clock, ...(trust === undefined ? {} : { trust }) });
  if (report.findings.length > 0) throw new VerifyFailedError(report);
  if (trust === undefined && report.signatures.length === 0) {
    const hint = 'Ask who built it for a signed one, and name its key: --allowed-signers FILE';
    emit({ type: 'warning', message: `"${report.path}" is not signed: it is whole, and nobody says whose it is`, hint });
  }
  if (trust !== undefined) {
    const distrust = distrustOf(report.path, report.signatures);
    if (distrust?.code === 'SIGNATURE_MISSING' && flags.requireSignature !== true)
      emit({ type: 'warning', message: `"${report.path}" is not signed` });
    else if (distrust !== undefined) throw distrust;
  }
  const rebuilt = flags.rebuild === undefined ? undefined : await rebuild(bundle, flags.rebuild);
  const text = rebuilt === undefined ? describe(report) : `${describe(report)}\n${rebuilt}`;
  context.print({ text, data: rebuilt === undefined ? report : { ...report, rebuilt: true } });
  return report;
}

/** Builds the bundle again from a lock. Throws RebuildDiffersError when the result is not this bundle. */
async function rebuild(bundle: BundleLocation, lockPath: string): Promise<string> {
  const lock = await readLock(lockPath);
  if (lock === undefined) throw new CaissonError('INPUT_UNREADABLE', `Cannot read the lock "${lockPath}": there is no such file`);
  const reader = await openBundle(bundle);
  try {
    const { differences, isDated } = await planAgain(reader, lock);
    if (differences.length > 0) throw new RebuildDiffersError(reader.path, lockPath, differences);
    const dated = isDated ? `, with SOURCE_DATE_EPOCH=${Date.parse(reader.manifest.date) / 1000}` : '';
    return `it is what "${lockPath}" gives, byte for byte${dated}`;
  } finally {
    await reader.close();
  }
}

function describe(report: VerifyReport): string {
  return [
    `${nameOf(report)} is whole: ${report.name} ${report.version}, ${report.members} members, ${formatSize(report.size)}`,
    `bundle ${report.bundleDigest}`,
    ...report.bases.map(({ name, version, digest }) => `needs ${name} ${version}, bundle ${digest}`),
    ...report.signatures.map(describeSignature),
  ].join('\n');
}

function nameOf({ path, paths }: VerifyReport): string {
  return paths.length === 1 ? path : `${path} (${paths.length} volumes)`;
}
