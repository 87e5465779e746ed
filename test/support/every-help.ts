import { runCaisson } from './run-caisson.ts';

/** The help of one command, as it is printed. */
export interface PrintedHelp {
  /** The words of the command, without the name of the program. */
  readonly words: readonly string[];
  readonly text: string;
  /** Long names of its options. */
  readonly options: readonly string[];
  /** Names of the commands below it, with `help`. */
  readonly commands: readonly string[];
}

/** Returns the printed help of the program and of every command that a help lists. */
export async function everyHelp(words: readonly string[] = []): Promise<readonly PrintedHelp[]> {
  const { out: text } = await runCaisson([...words, '--help']);
  const options = [...text.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, name = '']) => name);
  const [list = ''] = (text.split(/^Commands:\n/m)[1] ?? '').split('\n\n');
  const commands = [...list.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name = '']) => name);
  const below: PrintedHelp[] = [];
  for (const name of commands) if (name !== 'help') below.push(...(await everyHelp([...words, name])));
  return [{ words, text, options, commands }, ...below];
}
