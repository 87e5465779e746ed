import type { Argument, Command, Help, Option } from 'commander';
import { valueKind, type ValueKind } from './value-kind.ts';

/** A value that a command or an option takes. */
export interface ValueText {
  /** The name between the brackets of the help, without dots: `file` of `<file...>`. */
  readonly name: string;
  readonly about: string;
  readonly kind: ValueKind;
  /** The only values that are accepted, where there are such. */
  readonly choices: readonly string[];
  /** True when the value may be left out. */
  readonly isOptional: boolean;
  /** True when several values may follow each other. */
  readonly isList: boolean;
}

export interface OptionText {
  /** As the help has it: `-h, --help` or `--lock <file>`. */
  readonly term: string;
  readonly spellings: readonly string[];
  readonly about: string;
  /** Undefined for a flag without a value. */
  readonly value: ValueText | undefined;
}

/** One command as its help shows it. */
export interface CommandText {
  /** The words that are typed, the first being the name of the program. */
  readonly path: readonly string[];
  /** Behind the word `Usage:` of the help. */
  readonly usage: string;
  /** One line, as in the list of commands. */
  readonly summary: string;
  readonly description: string;
  readonly values: readonly ValueText[];
  readonly options: readonly OptionText[];
  readonly commands: readonly CommandText[];
  /** The words that may follow to name a command, as the help lists them: those of `commands`, and help where it is one. */
  readonly names: readonly { readonly name: string; readonly about: string }[];
}

/** Returns the definition of a program with all commands below it, in the order and with the words of its help. */
export function describeProgram(command: Command, above: readonly string[] = []): CommandText {
  const help = command.createHelp();
  const path = [...above, command.name()];
  return {
    path,
    usage: help.commandUsage(command),
    summary: help.subcommandDescription(command),
    description: help.commandDescription(command),
    values: command.registeredArguments.map((argument) => describeArgument(argument, help)),
    options: help.visibleOptions(command).map((option) => describeOption(option, help)),
    commands: command.commands.map((below) => describeProgram(below, path)),
    names: help.visibleCommands(command).map((below) => ({ name: below.name(), about: help.subcommandDescription(below) })),
  };
}

/** Returns the command and all below it, each before those below. */
export function everyCommand(command: CommandText): readonly CommandText[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

function describeArgument(argument: Argument, help: Help): ValueText {
  return {
    name: argument.name(),
    about: help.argumentDescription(argument),
    kind: valueKind(argument.name()),
    choices: argument.argChoices ?? [],
    isOptional: !argument.required,
    isList: argument.variadic,
  };
}

function describeOption(option: Option, help: Help): OptionText {
  const [, name] = /[<[]([^>\].]+)/.exec(option.flags) ?? [];
  const about = help.optionDescription(option);
  return {
    term: help.optionTerm(option),
    spellings: [option.short, option.long].filter((spelling) => spelling !== undefined),
    about,
    value:
      name === undefined
        ? undefined
        : {
            name,
            about,
            kind: valueKind(name),
            choices: option.argChoices ?? [],
            isOptional: option.optional,
            isList: option.variadic,
          },
  };
}
