import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { CaissonError, countOf, messageOf } from '../../core/index.ts';
import { writeFileAtomic } from '../../io/index.ts';
import type { CommandContext, CommandOutput, RegisterCommand } from '../command.ts';
import { describeProgram, findCommand, manPages, type ManPage } from '../reference/index.ts';

interface Flags {
  readonly directory?: string;
}

/** `caisson man`: prints a page of the manual, or writes all pages into a directory. */
export const registerMan: RegisterCommand = (program, run) => {
  program
    .command('man')
    .summary('print the page of the manual of a command, or write all pages into a directory')
    .description(
      'Prints the page of the program, or of the command whose words are given, in the language of man(7); each says the same as the help of its command. Show one with: caisson man node add | man -l -',
    )
    .argument('[command...]', 'words of a command')
    .option('--directory <directory>', 'write all pages there, one file each; it is made when it is missing')
    .action((words: readonly string[], flags: Flags) =>
      run(async (context) => context.print(await man(words, flags, { program, context }))),
    );
};

async function man(
  words: readonly string[],
  { directory }: Flags,
  { program, context }: { readonly program: Command; readonly context: CommandContext },
): Promise<CommandOutput> {
  const described = describeProgram(program);
  const pages = manPages(described, { version: context.version, date: context.commit?.date });
  if (directory !== undefined) {
    if (words.length > 0) {
      throw new CaissonError('USAGE', 'Cannot write the page of one command alone into a directory', {
        hint: 'Leave out --directory, and send the output to a file',
      });
    }
    await writePages(directory, pages);
    return { text: `Wrote ${countOf(pages.length, 'page')} into ${directory}`, data: { directory, files: pages.map(({ file }) => file) } };
  }
  const command = findCommand(described, words);
  const page = command === undefined ? undefined : pages.find(({ file }) => file === `${command.path.join('-')}.1`);
  if (page === undefined) {
    throw new CaissonError('USAGE', `Cannot print the page of "${words.join(' ')}": there is no such command`, {
      hint: `List the commands with: ${program.name()} help`,
    });
  }
  return { text: page.text, data: { file: page.file, page: page.text } };
}

/** Throws OUTPUT_WRITE_FAILED. */
async function writePages(directory: string, pages: readonly ManPage[]): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
    for (const { file, text } of pages) await writeFileAtomic(join(directory, file), text);
  } catch (cause) {
    throw new CaissonError('OUTPUT_WRITE_FAILED', `Cannot write pages of the manual into "${directory}": ${messageOf(cause)}`, {
      cause,
      hint: 'Name a directory in which you may write',
    });
  }
}
