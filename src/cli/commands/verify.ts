import {
  distrustOf,
  groupVolumes,
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
}

/**
 * `caisson verify BUNDLE...`: exit status 4, and every fault by member, unless each file is exactly what was built, and,
 * with allowed signers, signed by one of them.
 */
export const registerVerify: RegisterCommand = (program, run) => {
  const command = program
    .command('verify')
    .description('check every byte and every signature of bundles, and list every fault')
    .argument('<bundle...>', 'the bundles: their files, or volumes of them');
  addTrustFlags(command)
    .option('--require-signature', 'refuse a bundle that is not signed; without it, that is a warning')
    .action((bundles: readonly string[], flags: Flags) => run((context) => verify(bundles, flags, context)));
};

async function verify(bundles: readonly string[], flags: Flags, context: CommandContext): Promise<void> {
  if (flags.requireSignature === true && flags.allowedSigners === undefined) {
    throw new CaissonError('USAGE', 'Cannot use --require-signature without --allowed-signers: anybody can sign', {
      hint: 'Add --allowed-signers FILE',
    });
  }
  const trust = await trustOf(flags, context.clock);
  for (const bundle of groupVolumes(bundles)) await verifyOne(bundle, trust, flags, context);
}

async function verifyOne(bundle: BundleLocation, trust: Trust | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const { emit, signal, clock } = context;
  const report = await verifyBundle(bundle, { emit, signal, clock, ...(trust === undefined ? {} : { trust }) });
  if (report.findings.length > 0) throw new VerifyFailedError(report);
  if (trust !== undefined) {
    const distrust = distrustOf(report.path, report.signatures);
    if (distrust?.code === 'SIGNATURE_MISSING' && flags.requireSignature !== true)
      emit({ type: 'warning', message: `"${report.path}" is not signed` });
    else if (distrust !== undefined) throw distrust;
  }
  context.print({ text: describe(report), data: report });
}

function describe(report: VerifyReport): string {
  return [
    `${nameOf(report)} is whole: ${report.name} ${report.version}, ${report.members} members, ${formatSize(report.size)}`,
    `bundle ${report.bundleDigest}`,
    ...report.bases.map(({ name, version, digest }) => `needs ${name} ${version}, bundle ${digest}`),
    ...report.signatures.map(
      ({ fingerprint, signer, principals }) =>
        `signed by ${fingerprint}${signer === 'allowed' ? ` (${principals})` : `, which nobody vouched for`}`,
    ),
  ].join('\n');
}

function nameOf({ path, paths }: VerifyReport): string {
  return paths.length === 1 ? path : `${path} (${paths.length} volumes)`;
}
