import { resolve } from 'node:path';
import { CaissonError } from '../../core/index.ts';
import { readPasswordFile } from '../../io/index.ts';
import { changeSecret, listSecrets, planSecretChange, type ListedSecret, type SecretRequest } from '../../usecases/index.ts';
import { formatTable } from '../../ui/index.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { addBundleFlags, addSiteFlags, runSiteVerb, siteOptions, type SiteFlags } from '../site/index.ts';

interface ChangeFlags extends SiteFlags {
  readonly valueFile?: string;
  readonly prompt?: boolean;
  readonly undo?: boolean;
}

/** `caisson secrets`: lists the secrets of the site without their values, and gives one a new value. */
export const registerSecrets: RegisterCommand = (program, run) => {
  const command = program
    .command('secrets')
    .description('print the secrets of the site, who uses them and since when, never their values; run it on the seed, as root')
    .action(() => run((context) => showSecrets({ parallel: 1 }, context)));
  const change = command
    .command('change')
    .description('give a secret a new value: what knows it takes it first, then what uses it; goes on with a change that was stopped')
    .argument('<name>', 'a name that "caisson secrets" prints')
    .option('--value-file <file>', 'take the new value from the first line of this file (default: a random one)')
    .option('--prompt', 'ask for the new value on the terminal')
    .option('--undo', 'go back to the old value of a change that has not ended');
  addSiteFlags(addBundleFlags(change)).action((name: string, flags: ChangeFlags) =>
    run(async (context) => {
      const request: SecretRequest = { name, value: await valueOf(name, flags, context), undo: flags.undo };
      await runSiteVerb(
        {
          plan: (options) => planSecretChange(options, request),
          run: (options, approve) => changeSecret(options, request, approve),
          asksForNotes: true,
          describe: (_summary, seconds) =>
            `The secret "${name}" has its ${flags.undo === true ? 'old' : 'new'} value everywhere (${seconds} s)`,
        },
        flags,
        context,
      );
    }),
  );
};

async function valueOf(name: string, { valueFile, prompt, undo }: ChangeFlags, context: CommandContext): Promise<string | undefined> {
  const given = [valueFile !== undefined, prompt === true, undo === true].filter(Boolean);
  if (given.length > 1) {
    throw new CaissonError('USAGE', 'Cannot use more than one of --value-file, --prompt and --undo', { hint: 'Keep one of them' });
  }
  if (valueFile !== undefined) return readPasswordFile(resolve(valueFile));
  if (prompt !== true) return undefined;
  const value = await context.askSecret(`New value of ${name}`);
  if (value === undefined) {
    throw new CaissonError('USAGE', 'Cannot ask for the new value: the input is not a terminal', {
      hint: 'Write it into a file that only you can read, and name that: --value-file FILE',
    });
  }
  if ((await context.askSecret('The same value again')) !== value) {
    throw new CaissonError('USAGE', 'Cannot take the new value: it was typed differently the second time', {
      hint: 'Run the command again',
    });
  }
  return value;
}

async function showSecrets(flags: SiteFlags, context: CommandContext): Promise<void> {
  const secrets = await listSecrets(siteOptions(flags, context));
  const text = secrets.length === 0 ? 'The site has no secrets' : formatTable(HEADER, secrets.map(rowOf));
  context.print({ text, data: { secrets } });
}

const HEADER = ['NAME', 'COMPONENT', 'USED BY', 'SINCE', 'STATE'];

function rowOf({ name, component = '', users, since = '', state, file }: ListedSecret): readonly string[] {
  const used = users.map((user) => `${user.component} on ${user.hosts.join(', ')}`).join('; ');
  return [name, component, used, since.slice(0, 10), file === undefined ? state : `${state}: ${file}`];
}
