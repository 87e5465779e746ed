import * as z from 'zod';
import { CaissonError } from '../../core/index.ts';
import { formatTable } from '../../ui/index.ts';
import type { CommandContext, CommandOutput, RegisterCommand } from '../command.ts';

const librariesSchema = z.array(
  z.object({ name: z.string(), version: z.string(), licence: z.string(), source: z.string().optional(), texts: z.array(z.string()) }),
);
type Library = z.infer<typeof librariesSchema>[number];

/** `caisson licenses`: lists the libraries that the program is made of and their licences. */
export const registerLicenses: RegisterCommand = (program, run) => {
  program
    .command('licenses')
    .summary('list the libraries inside the program and their licences')
    .description(
      'Lists the libraries that the program is made of, in the executable also Node, each with its version and licence. With --text it prints the text of each licence.',
    )
    .option('--text', 'print the texts of the licences')
    .action((flags: { readonly text?: true }) => run(async (context) => context.print(await licenses(flags.text === true, context))));
};

async function licenses(withTexts: boolean, { readNotices }: CommandContext): Promise<CommandOutput> {
  if (readNotices === undefined)
    throw new CaissonError('USAGE', 'Cannot list licences: this program was not built', { hint: 'npm run build' });
  const libraries = librariesSchema.parse(JSON.parse(await readNotices()));
  const data = { libraries: libraries.map(({ texts, ...library }) => (withTexts ? { ...library, texts } : library)) };
  if (withTexts) return { text: libraries.map(noticeOf).join('\n\n'), data };
  const rows = libraries.map(({ name, version, licence }) => [name, version, licence]);
  return { text: formatTable(['LIBRARY', 'VERSION', 'LICENCE'], rows), data };
}

function noticeOf({ name, version, licence, source, texts }: Library): string {
  const title = `${name} ${version} (${licence})`;
  const paragraphs = [...(source === undefined ? [] : [source]), ...(texts.length === 0 ? ['It comes without a text.'] : texts)];
  return [`${title}\n${'='.repeat(title.length)}`, ...paragraphs].join('\n\n');
}
