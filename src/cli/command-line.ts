import type { Command } from 'commander';
import { nearestName } from '../io/index.ts';

/** A command line whose commands are known. */
export interface CommandLine {
  /** The words, with `--help` behind a command in the place of `help` or `--help` in front of it. */
  readonly argv: readonly string[];
  /** True when a help may be printed. */
  readonly mayHelp: boolean;
}

/**
 * Reads the commands at the beginning of a command line. Throws CommanderError for one that is not known, also where help is
 * asked for, after an error that names the nearest one.
 */
export function readCommandLine(program: Command, argv: readonly string[]): CommandLine {
  let command = program;
  let isHelp = false;
  let index = 0;
  const head: string[] = [];
  for (; index < argv.length && command.commands.length > 0; index += 1) {
    const word = argv[index] ?? '';
    const below = command.commands.find((candidate) => candidate.name() === word);
    if (isHelpFlag(word) || (word === 'help' && namesBelow(command).includes(word))) isHelp = true;
    else if (word.startsWith('-') && !isFlag(command, word)) break;
    else if (below !== undefined || word.startsWith('-')) head.push(word);
    else refuseCommand(command, word);
    command = below ?? command;
  }
  const rest = argv.slice(index);
  return {
    argv: [...head, ...(isHelp ? ['--help'] : []), ...rest],
    mayHelp: isHelp || command.commands.length > 0 || argv.some(isHelpFlag),
  };
}

/** True for a flag of the command without a value, behind which another command may follow. */
function isFlag(command: Command, word: string): boolean {
  return word !== '--version' && command.options.some((option) => option.long === word && !option.required);
}

function isHelpFlag(word: string): boolean {
  return word === '--help' || word === '-h';
}

/** The names of the commands below a command, and `help` where it is one. */
function namesBelow(command: Command): readonly string[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((below) => below.name());
}

function refuseCommand(command: Command, word: string): never {
  const nearest = nearestName(word, namesBelow(command));
  const hint = nearest === undefined ? '' : `\n(Did you mean ${nearest}?)`;
  return command.error(`error: unknown command '${word}'${hint}`, { code: 'commander.unknownCommand' });
}
