import { basename } from 'node:path';
import { Option } from 'commander';
import {
  buildBundle,
  connectUpstream,
  parseMirrors,
  planReport,
  sourceDate,
  type BuildResult,
  type PlanReport,
} from '../../builder/index.ts';
import { parseVolumeSize } from '../../bundle/index.ts';
import { CaissonError, countOf, formatSize, parsePlatform, type Platform } from '../../core/index.ts';
import type { Signer } from '../../sshsig/index.ts';
import { formatTable } from '../../ui/index.ts';
import { changeLines, countChanges } from '../inspect/lock-change-lines.ts';
import { tieLines } from '../inspect/tie-lines.ts';
import type { CommandContext, CommandOutput, RegisterCommand } from '../command.ts';
import { readClientCertificates } from '../online/client-certificates.ts';
import { collect } from '../collect.ts';
import { DEFAULT_FILES, imageListsOf } from '../image-lists.ts';
import { runCredentialHelper } from '../credential-helper.ts';
import { MOST_JOBS, numberUpTo } from '../number-up-to.ts';
import { addSignerFlags, signersOf, type SignerFlags } from '../signing/signer-flags.ts';
import { addTrustFlags, trustOf, type TrustFlags } from '../signing/trust-flags.ts';
import { readTrustedAuthorities } from '../trusted-authorities.ts';

interface Flags extends SignerFlags, TrustFlags {
  readonly manifests: string;
  readonly images?: readonly string[];
  readonly files?: readonly string[];
  readonly name?: string;
  readonly version?: string;
  readonly platform?: readonly string[];
  readonly output?: string;
  readonly lock: string;
  readonly executable: readonly string[];
  readonly mirror: readonly string[];
  readonly base: readonly string[];
  readonly volumeSize?: string;
  readonly jobs: number;
  readonly ca: readonly string[];
  readonly clientCertificate: readonly string[];
  readonly withReferrers?: true;
  readonly frozen?: true;
  readonly update?: true | readonly string[];
  readonly against?: string;
  readonly plan?: true;
}

export const registerBuildBundle: RegisterCommand = (program, run) => {
  const command = program
    .command('build-bundle')
    .summary('make one sealed file of everything a cluster needs')
    .description(
      'Resolves images, files and packages into the lock, downloads them straight to their place in one file, and writes nothing under its name before it is complete.',
    )
    .option('--manifests <directory>', 'what the cluster is made of', 'manifests')
    .option('--images <file>', 'a list of images, - for the standard input; may be repeated (default: images.txt)', collect)
    .option('--files <file>', `a list of files, - for the standard input; may be repeated (default: ${DEFAULT_FILES})`, collect)
    .option('--name <name>', 'name of the bundle (default: the name of the platform)')
    .option('--version <version>', 'version of the bundle (default: the version of the platform)')
    .option('--platform <os/architecture>', 'platform of the target hosts; may be repeated (default: linux/amd64)', collect)
    .option('--with-referrers', 'carry signatures, SBOMs and attestations of the images along')
    .option('--output <file>', 'the bundle (default: bundles/<name>-<version>-<platform>.tar)')
    .option('--lock <file>', 'what everything resolved to', 'bundle.lock.json')
    .addOption(new Option('--frozen', 'build from the lock alone; fail when it does not fit').conflicts('update'))
    .option(
      '--update [name...]',
      'resolve again what the lock knows already: all of it, or these images, files, packages and operating systems, while all others stay',
    )
    .option('--plan', 'print what would be downloaded, from where and how big, and what changes; change nothing')
    .option('--against <file>', 'a lock or a bundle that the changes are told against (default: the lock before)')
    .option('--mirror <host=url>', 'ask this address instead of the host; may be repeated', collect, [])
    .option('--executable <file>', 'caisson for the target hosts: FILE, or PLATFORM=FILE; may be repeated', collect, [])
    .option('--base <file>', 'leave out what this bundle, or the bundles of this receipt, hold; may be repeated', collect, [])
    .option('--volume-size <size>', 'cut the bundle into volumes of this size: fat32, dvd, 4GiB, a number of bytes')
    .option('--ca <file>', 'trust the authorities in this file (PEM), too; may be repeated', collect, [])
    .option('--client-certificate <host=file>', 'show this certificate with its key (PEM) to the host; may be repeated', collect, [])
    .option('--jobs <number>', 'downloads at once', numberUpTo(MOST_JOBS), 8);
  addTrustFlags(addSignerFlags(command), 'whose receipts count that --base names (ssh-keygen, ALLOWED SIGNERS)').action((flags: Flags) =>
    run((context) => build(flags, context)),
  );
};

async function build(flags: Flags, context: CommandContext): Promise<void> {
  const { clock, emit, signal, env, self } = context;
  const platforms = parsePlatforms(flags.platform ?? ['linux/amd64']);
  const volumeSize = flags.volumeSize === undefined ? undefined : parseVolumeSize(flags.volumeSize);
  const date = sourceDate(env['SOURCE_DATE_EPOCH']);
  const signers = await signersOf(flags, context);
  const upstream = await connectUpstream({
    imageLists: imageListsOf(flags),
    mirrors: parseMirrors(flags.mirror),
    env,
    ca: await readTrustedAuthorities(flags.ca),
    clientCertificates: await readClientCertificates(flags.clientCertificate),
    runHelper: runCredentialHelper,
    clock,
    emit,
    signal,
  });
  try {
    const result = await buildBundle(
      {
        manifests: flags.manifests,
        images: imageListsOf(flags),
        listsOfFiles: flags.files,
        readStdin: context.readStdin,
        name: flags.name,
        version: flags.version,
        platforms,
        withReferrers: flags.withReferrers === true,
        output: flags.output,
        lock: flags.lock,
        frozen: flags.frozen === true,
        update: flags.update ?? false,
        against: flags.against,
        planOnly: flags.plan === true,
        executables: flags.executable,
        bases: flags.base,
        signers,
        trust: await trustOf(flags, clock),
        jobs: flags.jobs,
        volumeSize,
        sourceDate: date,
        self,
      },
      upstream,
    );
    const report = planReport(result, upstream);
    const than = flags.against ?? flags.lock;
    context.print(flags.plan === true ? planOutput(report, than) : resultOutput(result, report, { than, lock: flags.lock, signers }));
  } finally {
    await upstream.close();
  }
}

function planOutput(report: PlanReport, than: string): CommandOutput {
  const { bundle, size, download, changes } = report;
  const text = [
    `${bundle.name} ${bundle.version} for ${bundle.platforms.join(', ')}, content of ${bundle.date}`,
    '',
    formatTable(
      ['IMAGE', 'SIZE', 'FROM'],
      report.images.map(({ name, size: bytes, from, platforms, artifactTypes }) => [
        imageCell(name, platforms, { artifactTypes, all: bundle.platforms.length }),
        formatSize(bytes),
        from,
      ]),
    ),
    '',
    ...fileLines(report),
    formatTable(
      ['REPOSITORY', 'ARCHITECTURE', 'PACKAGES', 'SIZE', 'FROM'],
      report.repositories.map((item) => [item.id, item.architecture, String(item.packages), formatSize(item.size), item.from.join(' ')]),
    ),
    '',
    ...report.repositories.flatMap(tieLines),
    ...(changes === undefined ? [] : [...changeLines(changes, than), '']),
    ...report.bases.map(({ name, version, digest }) => `Would be a delta on ${name} ${version} (bundle ${digest})`),
    `Would download ${formatSize(download)} (what images share once) and write ${placeOf(report)}, ${formatSize(size)}`,
    'Nothing was changed',
  ];
  return { text: text.join('\n'), data: { outcome: 'planned', ...report } };
}

function imageCell(
  name: string,
  platforms: readonly string[],
  { artifactTypes, all }: { readonly artifactTypes: readonly string[] | undefined; readonly all: number },
): string {
  if (artifactTypes !== undefined) return `${name} (${artifactTypes.join(', ')})`;
  return platforms.length === all ? name : `${name} (${platforms.join(', ')} only)`;
}

/** A table of the files of files.txt, and what to write into it. */
function fileLines({ listedFiles }: PlanReport): readonly string[] {
  if (listedFiles.length === 0) return [];
  const rows = listedFiles.map(({ name, size, digest, promised, from }) => [
    name,
    formatSize(size),
    promised ? digest : `${digest} (found)`,
    from,
  ]);
  const found = listedFiles.filter(({ promised }) => !promised).length;
  const note = `${countOf(found, 'file')} without a digest in the list: the one that was found is pinned by the lock, and later builds check it`;
  return [formatTable(['FILE', 'SIZE', 'DIGEST', 'FROM'], rows), ...(found === 0 ? [] : [note]), ''];
}

function resultOutput(
  result: BuildResult,
  report: PlanReport,
  { than, lock, signers }: { than: string; lock: string; signers: readonly Signer[] },
): CommandOutput {
  const { outcome, output, files, executables, lockWritten, warnings, changes } = result;
  const packages = report.repositories.reduce((sum, item) => sum + item.packages, 0);
  const listed = report.listedFiles.length === 0 ? '' : `${countOf(report.listedFiles.length, 'file')}, `;
  const text = [
    outcome === 'unchanged' ? `${placeOf(result)} is unchanged` : `Built ${placeOf(result)}`,
    `  ${formatSize(report.size)}: ${report.images.length} images, ${packages} packages, ${listed}for ${report.bundle.platforms.join(', ')}`,
    `  digest of SHA256SUMS: ${report.digest}`,
    ...report.bases.map(({ name, version, digest }) => `  needs ${name} ${version}, bundle ${digest}`),
    ...(report.bases.length === 0 ? [] : [`  ${formatSize(report.inBases)} of it lie there`]),
    ...signers.map(({ key }) => `  signed by ${key.fingerprint}`),
    ...executables.map((path) => `  carry along: ${path}`),
    ...(warnings === 0 ? [] : [`  ${countOf(warnings, 'warning')} about the manifests: caisson lint lists them`]),
    ...(changes === undefined || changes.length === 0 ? [] : [`  against ${than}: ${countChanges(changes)}`]),
    ...(lockWritten ? [`  lock: ${lock} was written; commit it, and --frozen builds the same bytes again`] : []),
  ];
  const data = {
    outcome,
    output,
    files,
    digest: report.digest,
    bases: report.bases,
    signedBy: signers.map(({ key }) => key.fingerprint),
    size: report.size,
    images: report.images.length,
    packages,
    listedFiles: report.listedFiles.length,
    executables,
    lockWritten,
    warnings,
    changes,
  };
  return { text: text.join('\n'), data };
}

/** Name of the bundle file, or of its first and last volume. */
function placeOf({ output, files }: Pick<BuildResult, 'output' | 'files'>): string {
  const [first = output, last = first] = [files.at(0), files.at(-1)];
  if (first === output) return output;
  return files.length === 1 ? `${first} (one volume)` : `${first} to ${basename(last)} (${files.length} volumes)`;
}

function parsePlatforms(values: readonly string[]): Platform[] {
  const repeated = values.find((value, index) => values.indexOf(value) !== index);
  if (repeated !== undefined) throw new CaissonError('USAGE', `Cannot use --platform "${repeated}" twice`);
  return values.map(parsePlatform);
}
