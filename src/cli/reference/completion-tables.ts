import { everyCommand, type CommandText, type ValueText } from './describe-program.ts';

/**
 * The definition of a program as tables that a shell looks into. A command is written as its words without the name of the
 * program, so that the program itself is the empty text.
 */
export interface CompletionTables {
  /** For each command with others below it, the words that name these. */
  readonly commands: readonly { readonly command: string; readonly names: CommandText['names'] }[];
  /** For each option with a value, `COMMAND OPTION`, what it takes. */
  readonly options: readonly { readonly key: string; readonly value: ValueText }[];
  /** For each value of a command, `COMMAND PLACE`, what it takes; the place is a star for all places from the last one on. */
  readonly values: readonly { readonly key: string; readonly value: ValueText }[];
}

/** The words of a command behind the name of the program. */
export function commandKey({ path }: CommandText): string {
  return path.slice(1).join(' ');
}

/** Returns the tables of a program. Of two rows that fit a place, the first holds. */
export function completionTables(program: CommandText): CompletionTables {
  const all = everyCommand(program);
  return {
    commands: all.filter(({ names }) => names.length > 0).map((command) => ({ command: commandKey(command), names: command.names })),
    options: all.flatMap((command) =>
      command.options.flatMap(({ spellings, value }) =>
        value === undefined ? [] : spellings.map((spelling) => ({ key: `${commandKey(command)} ${spelling}`, value })),
      ),
    ),
    values: all.flatMap((command) =>
      command.values.map((value, index) => ({ key: `${commandKey(command)} ${value.isList ? '*' : index}`, value })),
    ),
  };
}

/** The name of a command below another one. */
export function lastWord({ path }: CommandText): string {
  return path.at(-1) ?? '';
}

/** The kind of a value as scripts have it: its kind, or `words` and the choices behind it. */
export function kindWords({ kind, choices }: ValueText): string {
  return choices.length > 0 ? `words ${choices.join(' ')}` : kind;
}

/** The name of a shell function for the program: letters, digits and underscores. */
export function functionName({ path: [name = ''] }: CommandText): string {
  return `_${name.replace(/[^A-Za-z0-9_]/g, '_')}`;
}

/** First lines of each script: which shell it is for and who made it. */
export function scriptHeader({ path: [name = ''] }: CommandText, shell: string): string {
  return `# Completion of ${shell} for ${name}: made by "${name} completion ${shell}", holds for the version that made it.`;
}
