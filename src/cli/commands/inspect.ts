import { closeBundles, groupVolumes, openBundle, SBOM_JSON, type BundleReader } from '../../bundle/index.ts';
import { CaissonError } from '../../core/index.ts';
import type { CommandOutput, RegisterCommand } from '../command.ts';
import { describeBundle } from '../inspect/describe-bundle.ts';
import { describeDifference } from '../inspect/describe-difference.ts';

/** Bytes of a list of some hundred thousand things. */
const SBOM_LIMIT = 256 * 1024 * 1024;

interface Flags {
  readonly sbom?: true;
}

/**
 * `caisson inspect BUNDLE`: what is inside, how big, and where it came from; `inspect OLD NEW`: what differs. Reads the
 * lists of members only.
 */
export const registerInspect: RegisterCommand = (program, run) => {
  program
    .command('inspect')
    .description('list the images, packages and files of a bundle, or what differs between two')
    .argument('<bundle...>', 'the bundle: its file, or volumes of it; with another one: print only what differs there')
    .option('--sbom', 'print the software bill of materials that the bundle carries (CycloneDX 1.6 JSON)')
    .action((paths: readonly string[], flags: Flags) =>
      run(async (context) => {
        const bundles = groupVolumes(paths);
        if (bundles.length > 2) throw new CaissonError('USAGE', `Cannot compare ${bundles.length} bundles: two are the most`);
        if (bundles.length > 1 && flags.sbom === true) throw new CaissonError('USAGE', 'Cannot print the SBOM of two bundles at once');
        const readers: BundleReader[] = [];
        try {
          for (const location of bundles) readers.push(await openBundle(location));
          context.print(await describe(readers, flags));
        } finally {
          await closeBundles(readers);
        }
      }),
    );
};

async function describe(readers: readonly BundleReader[], flags: Flags): Promise<CommandOutput> {
  const [reader, newer] = readers;
  if (reader === undefined) throw new Error('inspect takes a bundle');
  if (flags.sbom === true) return readSbom(reader);
  return newer === undefined ? describeBundle(reader) : describeDifference(reader, newer);
}

/** The SBOM byte for byte, its digest checked. Throws FILE_UNKNOWN when the bundle has none. */
async function readSbom(reader: BundleReader): Promise<CommandOutput> {
  if (reader.entry(SBOM_JSON) === undefined) {
    throw new CaissonError('FILE_UNKNOWN', `Cannot print the SBOM of "${reader.path}": it holds no "${SBOM_JSON}"`, {
      hint: `caisson inspect ${reader.path} lists what it holds`,
    });
  }
  const text = (await reader.read(SBOM_JSON, { limit: SBOM_LIMIT })).toString('utf8');
  return { text, data: { sbom: text } };
}
