import { basename } from 'node:path';
import { formatSize, hexOf } from '../../core/index.ts';
import { formatTable, toCell } from '../../ui/index.ts';
import { describeAcceptance, listBundles, pruneBundles, unneededFiles, type SiteBundle } from '../../usecases/index.ts';
import { ask } from '../ask.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';

interface PruneFlags {
  readonly plan?: true;
  readonly yes?: true;
}

/** `caisson bundles`: lists the bundles that the seed keeps, and removes files beside them that nothing needs. */
export const registerBundles: RegisterCommand = (program, run) => {
  const command = program
    .command('bundles')
    .description('print the bundles that the seed keeps, why, and how much of them is there; run it on the seed, as root')
    .action(() => run(showBundles));
  command
    .command('prune')
    .description('remove bundles from the seed that neither the one in force nor the one before needs; no host is asked')
    .option('--plan', 'print what would be removed, and remove nothing')
    .option('--yes', 'do not ask before')
    .action((flags: PruneFlags) => run((context) => prune(flags, context)));
};

async function showBundles(context: CommandContext): Promise<void> {
  const bundles = await listBundles({ machines: context.machines });
  const table = bundles.length === 0 ? 'This machine has no bundles' : formatTable(HEADER, bundles.map(rowOf));
  context.print({ text: table, data: { bundles } });
}

const HEADER = ['NAME', 'VERSION', 'DIGEST', 'SIZE', 'KEPT AS', 'STATE', 'ACCEPTED', 'COPIES'];

/** Names, versions and hosts come from files. A bundle that cannot be read is shown by the name of its file. */
function rowOf({ path, name, version, digest, size, keptAs, accepted, copies, ...bundle }: SiteBundle): readonly string[] {
  return [
    name ?? basename(path),
    version ?? '-',
    digest === undefined ? '-' : hexOf(digest).slice(0, 12),
    size === undefined ? '-' : formatSize(size),
    keptAs.length === 0 ? 'not needed' : keptAs.join(', '),
    describeState(bundle),
    describeAcceptance(accepted) ?? '-',
    copies.length === 0 ? '-' : copies.join(' '),
  ].map(toCell);
}

function describeState({ state, missing }: Pick<SiteBundle, 'state' | 'missing'>): string {
  return missing === undefined ? state : `${state}: ${formatSize(missing.bytes)} in ${missing.members} not fetched`;
}

async function prune({ plan, yes }: PruneFlags, context: CommandContext): Promise<void> {
  const { machines } = context;
  if (plan === true) {
    const paths = await unneededFiles({ machines });
    context.print({ text: paths.length === 0 ? NOTHING : paths.map((path) => `- ${path}`).join('\n'), data: { files: paths } });
    return;
  }
  const removed = await pruneBundles({ machines }, (paths) =>
    ask(
      {
        text: `Remove ${paths.length === 1 ? 'this file' : `these ${paths.length} files`}?`,
        about: paths.map((path) => `- ${path}`),
        refusal: {
          message: 'Cannot ask before the first file is removed: the input is not a terminal; nothing was removed',
          hint: 'Read the list above, then run this again with --yes',
        },
      },
      yes === true,
      context,
    ),
  );
  context.print({
    text: removed.length === 0 ? NOTHING : `Removed ${removed.map((path) => basename(path)).join(', ')}`,
    data: { removed },
  });
}

const NOTHING = 'Every bundle of this seed is needed; nothing is left beside them';
