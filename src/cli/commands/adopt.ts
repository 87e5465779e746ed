import { resolve } from 'node:path';
import { CaissonError } from '../../core/index.ts';
import { adopt, planAdoption, type Adoption, type AdoptOptions, type AdoptSource, type PlannedAdoption } from '../../usecases/index.ts';
import { ask } from '../ask.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { askForPlan, describePlan, planData } from '../plan/index.ts';
import { addBundleFlags, addSiteFlags, describeSummary, siteOptions, type SiteFlags } from '../site/index.ts';
import { addOpenerFlags, fileLines, openerOf, writtenFiles, type OpenerFlags } from './backup-flags.ts';

interface Flags extends SiteFlags, OpenerFlags {
  readonly backup?: string;
  readonly authorityKey?: string;
  readonly secrets?: string;
  readonly newSecrets?: boolean;
  readonly address?: string;
}

/** `caisson adopt`: makes this machine the seed of a site whose seed is lost. */
export const registerAdopt: RegisterCommand = (program, run) => {
  const command = program
    .command('adopt')
    .description('make this machine the seed of a cluster whose seed is lost, and install what follows from that; run it as root')
    .option('--backup <file>', 'a backup of the seed')
    .option('--authority-key <path>', "without a backup: the directory of the authorities' keys, or the file of the site's")
    .option('--secrets <directory>', 'without a backup: secrets of the site, one file each (mode 0600)')
    .option('--new-secrets', 'without a backup: make secrets anew that are lost')
    .option('--address <address>', 'address of this machine, where it is none of the nodes');
  addSiteFlags(addBundleFlags(addOpenerFlags(command))).action((flags: Flags) => run((context) => takeOver(flags, context)));
};

async function takeOver(flags: Flags, context: CommandContext): Promise<void> {
  const options: AdoptOptions = { ...siteOptions(flags, context), source: await sourceOf(flags), address: flags.address };
  if (flags.plan === true) {
    printPlanned(await planAdoption(options), context);
    return;
  }
  const yes = flags.yes === true;
  const started = context.clock.monotonic();
  const { adoption, summary } = await adopt(options, {
    approve: (asked) => approve(asked, yes, context),
    approvePlan: (planned) => askForPlan(planned, { yes }, context),
  });
  const seconds = Math.round((context.clock.monotonic() - started) / 1000);
  const text = [`"${adoption.seed}", this machine, is the seed of site "${adoption.site.name}"`, describeSummary(summary, seconds)];
  context.print({ text: text.join('\n'), data: { outcome: 'adopted', ...dataOf(adoption), ...summary, seconds } });
}

async function sourceOf(flags: Flags): Promise<AdoptSource> {
  const { backup, authorityKey, secrets, newSecrets } = flags;
  if ((backup === undefined) === (authorityKey === undefined)) {
    throw new CaissonError('USAGE', 'Cannot adopt: say what the site is rebuilt from, with --backup or with --authority-key', {
      hint: "A backup: --backup FILE --passphrase-file FILE; without one, the keys of the site's authorities: --authority-key DIR --cluster FILE",
    });
  }
  if (backup !== undefined) {
    if (secrets !== undefined || newSecrets === true) {
      throw new CaissonError('USAGE', 'Cannot adopt: a backup has all secrets of the site', {
        hint: 'Leave out --secrets and --new-secrets',
      });
    }
    return { backup: { file: resolve(backup), opener: await openerOf(flags, 'adopt') } };
  }
  return {
    authorities: resolve(authorityKey ?? ''),
    secrets: secrets === undefined ? undefined : resolve(secrets),
    newSecrets: newSecrets === true,
  };
}

function approve(adoption: Adoption, yes: boolean, context: CommandContext): Promise<boolean> {
  const question = {
    text: `Make this machine the seed of "${adoption.site.name}"? Hosts are changed only after their plan was shown`,
    about: describe(adoption),
    refusal: {
      message: 'Cannot ask before the first file: the input is not a terminal; nothing was written',
      hint: 'Read the plan above (--plan prints it with that of the hosts), then run this again with --yes',
    },
  };
  return ask(question, yes, context);
}

function describe({ site, before, seed, clusterPath, isClusterEdited, files, notes }: Adoption): readonly string[] {
  const count = writtenFiles(files).length;
  return [
    before === seed
      ? `The seed of site "${site.name}" (${site.id}) is "${seed}", this machine`
      : `The seed of site "${site.name}" (${site.id}) was "${before}" and will be "${seed}", this machine`,
    ...fileLines(files),
    ...(isClusterEdited ? [`~ ${clusterPath}: lost nodes go, and the depot is at this machine`] : []),
    ...(files.length === 0 ? [] : [`${count} files to write, ${files.length - count} are as they should be`]),
    ...notes,
  ];
}

function printPlanned({ adoption, planned }: PlannedAdoption, context: CommandContext): void {
  const follows =
    planned === undefined
      ? 'The plan of the hosts is shown once the files of their logins are here: they are in the backup alone'
      : describePlan(planned);
  const text = [describe(adoption).join('\n'), follows].join('\n\n');
  context.print({
    text,
    data: { outcome: 'planned', ...dataOf(adoption), ...(planned === undefined ? {} : { plan: planData(planned) }) },
  });
}

/** Without the contents of the files. */
function dataOf({ files, ...adoption }: Adoption): Readonly<Record<string, unknown>> {
  return { ...adoption, files: files.map(({ action, path }) => ({ action, path })) };
}
