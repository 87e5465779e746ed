import { closeBundles, groupVolumes, openBundle, SBOM_JSON, type BundleReader } from '../../bundle/index.ts';
import { CaissonError } from '../../core/index.ts';
import { stagedBundles } from '../../usecases/index.ts';
import type { CommandContext, CommandOutput, RegisterCommand } from '../command.ts';
import { describeBundle } from '../inspect/describe-bundle.ts';
import { describeDifference } from '../inspect/describe-difference.ts';
import { writeReceipt } from '../inspect/write-receipt.ts';
import { addSignerFlags, signersOf, type SignerFlags } from '../signing/signer-flags.ts';

/** Most bytes of an SBOM: enough for several hundred thousand components. */
const SBOM_LIMIT = 256 * 1024 * 1024;

interface Flags extends SignerFlags {
  readonly sbom?: true;
  readonly receipt?: string;
}

/**
 * `caisson inspect BUNDLE` lists the content of a bundle, its sizes and origins; `inspect OLD NEW` lists differences;
 * `inspect --receipt FILE` writes the receipt of a site. Reads the lists in bundles, not their images and packages.
 */
export const registerInspect: RegisterCommand = (program, run) => {
  const command = program
    .command('inspect')
    .description('list the images, packages and files of a bundle, or what differs between two; write what a site holds')
    .argument('[bundle...]', 'the bundle: its file, or volumes of it; with another one: print only what differs there')
    .option('--sbom', 'print the software bill of materials that the bundle carries (CycloneDX 1.6 JSON)')
    .option('--receipt <file>', 'write what the bundles hold, without a name those on this seed, for build-bundle --base');
  addSignerFlags(command).action((paths: readonly string[], flags: Flags) => run((context) => inspect(paths, flags, context)));
};

async function inspect(paths: readonly string[], flags: Flags, context: CommandContext): Promise<void> {
  const signers = await signersOf(flags, context);
  const bundles = groupVolumes(flags.receipt !== undefined && paths.length === 0 ? await stagedBundles() : paths);
  refuseNonsense(bundles.length, signers.length, flags);
  const readers: BundleReader[] = [];
  try {
    for (const location of bundles) readers.push(await openBundle(location));
    const { emit } = context;
    if (flags.receipt === undefined) context.print(await describe(readers, flags));
    else context.print(await writeReceipt(flags.receipt, readers, { signer: signers[0], emit }));
  } finally {
    await closeBundles(readers);
  }
}

function refuseNonsense(bundles: number, signers: number, { sbom, receipt }: Flags): void {
  const usage = (message: string, hint?: string): CaissonError => new CaissonError('USAGE', message, hint === undefined ? {} : { hint });
  if (receipt !== undefined) {
    if (sbom === true) throw usage('Cannot print an SBOM and write a receipt at once');
    if (signers > 1) throw usage('Cannot sign a receipt with several keys', 'Name the one key of the site');
    if (bundles === 0)
      throw usage('Cannot write a receipt: no bundle is named, and this machine is no seed', 'Name the bundles that the site holds');
    return;
  }
  if (signers > 0) throw usage('Cannot sign what is only inspected', 'Sign a bundle with: caisson sign');
  if (bundles === 0) throw usage('Cannot inspect nothing', 'Name a bundle');
  if (bundles > 2) throw usage(`Cannot compare ${bundles} bundles: two are the most`);
  if (bundles > 1 && sbom === true) throw usage('Cannot print the SBOM of two bundles at once');
}

async function describe(readers: readonly BundleReader[], flags: Flags): Promise<CommandOutput> {
  const [reader, newer] = readers;
  if (reader === undefined) throw new Error('inspect takes a bundle');
  if (flags.sbom === true) return readSbom(reader);
  return newer === undefined ? describeBundle(reader) : describeDifference(reader, newer);
}

/**
 * Reads the SBOM and checks its digest. The text is printed unchanged. Throws FILE_UNKNOWN when the bundle has none.
 */
async function readSbom(reader: BundleReader): Promise<CommandOutput> {
  if (reader.entry(SBOM_JSON) === undefined) {
    throw new CaissonError('FILE_UNKNOWN', `Cannot print the SBOM of "${reader.path}": it holds no "${SBOM_JSON}"`, {
      hint: `caisson inspect ${reader.path} lists what it holds`,
    });
  }
  const text = (await reader.read(SBOM_JSON, { limit: SBOM_LIMIT })).toString('utf8');
  return { text, data: { sbom: text } };
}
