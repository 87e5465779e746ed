import { resolve } from 'node:path';
import { CaissonError } from '../../core/index.ts';
import { planRestore, restore, type RestorePlan } from '../../usecases/index.ts';
import { ask } from '../ask.ts';
import { collect } from '../collect.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { addOpenerFlags, fileLines, openerOf, writtenFiles, type OpenerFlags } from './backup-flags.ts';
import { restoreDataBack } from './restore-data.ts';

interface Flags extends OpenerFlags {
  readonly newSeed?: boolean;
  readonly data?: boolean;
  readonly component?: readonly string[];
  readonly plan?: boolean;
  readonly yes?: boolean;
}

/** `caisson restore FILE`: puts a backup back on the seed, or on the machine that becomes the seed. */
export const registerRestore: RegisterCommand = (program, run) => {
  const command = program
    .command('restore')
    .description('put back what a backup has, on the seed or on a machine that takes its place; run it as root')
    .argument('<file>', 'the backup');
  addOpenerFlags(command)
    .option('--new-seed', 'make this machine the seed, in the place of one that is lost')
    .option('--data', 'put back data of components, on the cluster that runs, and nothing of the seed')
    .option('--component <name>', 'with --data: only those of this component; may be repeated', collect)
    .option('--plan', 'print what would be written, and write nothing')
    .option('--yes', 'do not ask before the first change')
    .action((file: string, flags: Flags) => run((context) => (flags.data === true ? putDataBack : putBack)(file, flags, context)));
};

async function putDataBack(file: string, flags: Flags, context: CommandContext): Promise<void> {
  if (flags.newSeed === true) throw new CaissonError('USAGE', 'Cannot restore: --data and --new-seed exclude each other');
  return restoreDataBack(file, { ...flags, opener: await openerOf(flags, 'restore') }, context);
}

async function putBack(file: string, flags: Flags, context: CommandContext): Promise<void> {
  if (flags.component !== undefined) throw new CaissonError('USAGE', 'Cannot restore: --component is for --data');
  const options = {
    file: resolve(file),
    opener: await openerOf(flags, 'restore'),
    newSeed: flags.newSeed === true,
    clock: context.clock,
    signal: context.signal,
    ...(context.machines === undefined ? {} : { machines: context.machines }),
  };
  if (flags.plan === true) {
    const plan = await planRestore(options);
    const text = [...describe(plan), 'Nothing was written'].join('\n');
    context.print({ text, data: { outcome: 'planned', ...dataOf(plan) } });
    return;
  }
  const plan = await restore(options, (asked) => approve(asked, flags.yes === true, context));
  const text = [
    `Restored site "${plan.document.site.name}" as it was on ${plan.document.time}`,
    'What comes next:',
    ...indented(plan.next),
  ];
  context.print({ text: text.join('\n'), data: { outcome: 'restored', ...dataOf(plan) } });
}

function approve(plan: RestorePlan, yes: boolean, context: CommandContext): Promise<boolean> {
  const question = {
    text: `Write ${writtenFiles(plan.files).length} files?`,
    about: describe(plan),
    refusal: {
      message: 'Cannot ask before the first file: the input is not a terminal; nothing was written',
      hint: 'Read the plan above (--plan prints it), then run this again with --yes',
    },
  };
  return ask(question, yes, context);
}

function describe(plan: RestorePlan): readonly string[] {
  const { document, seed } = plan;
  const files = writtenFiles(plan.files);
  return [
    `Backup of site "${document.site.name}" (${document.site.id}) of ${document.time}, revision ${document.revision} of its record`,
    seed === document.seed ? `The seed is "${seed}"` : `The seed was "${document.seed}" and will be "${seed}", this machine`,
    ...fileLines(plan.files),
    `${files.length} files to write, ${plan.files.length - files.length} are as they should be`,
    'What comes next:',
    ...indented(plan.next),
  ];
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`);
}

/** Without the contents of the files. */
function dataOf({ document, files, seed, next }: RestorePlan): Readonly<Record<string, unknown>> {
  const { site, revision, time } = document;
  return { site, revision, time, seed, next, files: files.map(({ action, path }) => ({ action, path })) };
}
