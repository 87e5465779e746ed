import { CaissonError } from '../../core/index.ts';
import { changeOption, listOptions, planOptionChange, type ListedOption, type OptionChange } from '../../usecases/index.ts';
import { formatTable } from '../../ui/index.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { addBundleFlags, addSiteFlags, runSiteVerb, siteOptions, type SiteFlags } from '../site/index.ts';

/** `caisson option`: the choices of the site, by way of cluster.yaml and the plan of an install. */
export const registerOption: RegisterCommand = (program, run) => {
  const option = program
    .command('option')
    .description('print and change what the site chose: the options of the platform, and the domain; run it on the seed, as root');
  option
    .command('list')
    .description('print every option with its choice, and whether it may change')
    .option('--cluster <file>', 'cluster.yaml (default: the file of the last run)')
    .action((flags: { readonly cluster?: string }) => run((context) => showOptions({ parallel: 1, ...flags }, context)));
  const set = option
    .command('set')
    .description('write another choice into cluster.yaml, and carry out what follows from it; shows the plan and asks first')
    .argument('<name>', 'an option of the platform, or domain')
    .argument('<choice>', 'one of its choices, or the domain')
    .argument('[values...]', 'values of the choice, as NAME=VALUE; a list by commas');
  addSiteFlags(addBundleFlags(set)).action((name: string, choice: string, values: readonly string[], flags: SiteFlags) =>
    run(async (context) => {
      const change: OptionChange = { name, choice, values: Object.fromEntries(values.map(parseValue)) };
      await runSiteVerb(
        {
          plan: (options) => planOptionChange(options, change),
          run: (options, approve) => changeOption(options, change, approve),
          asksForNotes: true,
        },
        flags,
        context,
      );
    }),
  );
};

function parseValue(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at > 0 && at < text.length - 1) return [text.slice(0, at), text.slice(at + 1)];
  throw new CaissonError('USAGE', `Cannot use "${text}": it is not a value`, { hint: 'Write NAME=VALUE, such as server=10.0.0.5' });
}

async function showOptions(flags: SiteFlags, context: CommandContext): Promise<void> {
  const options = await listOptions(siteOptions(flags, context));
  context.print({ text: formatTable(['NAME', 'CHOICE', 'CHOICES', 'MAY CHANGE', 'WHAT'], options.map(rowOf)), data: { options } });
}

function rowOf({ name, summary, choice, values, choices, fixed }: ListedOption): readonly string[] {
  const given = Object.entries(values).map(([value, text]) => `${value}=${typeof text === 'object' ? text.join(',') : text}`);
  return [name, [choice, ...given].join(' '), choices.join(', '), fixed === undefined ? 'yes' : 'no', summary];
}
