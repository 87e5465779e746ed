import type { Command } from 'commander';
import { EXIT_STATUSES } from '../../core/index.ts';
import { examplesOf } from './examples.ts';

/** Adds the examples of each command and the exit statuses to the end of its help, for the command and all below it. */
export function addHelpEnds(command: Command, above: readonly string[] = []): void {
  const program = above[0] ?? command.name();
  const words = above.length === 0 ? [] : [...above.slice(1), command.name()];
  command.addHelpText('after', () => `${examplesText(program, words)}\n${statusesText()}`);
  for (const below of command.commands) addHelpEnds(below, [program, ...words]);
}

function examplesText(program: string, words: readonly string[]): string {
  const examples = examplesOf(words);
  return examples.length === 0
    ? ''
    : `\nExamples:\n${examples.map(({ line, about }) => `  ${program} ${line}\n      ${about}\n`).join('')}`;
}

function statusesText(): string {
  return `Exit status:\n${Object.entries(EXIT_STATUSES)
    .map(([status, meaning]) => `  ${status.padEnd(3)}  ${meaning}`)
    .join('\n')}`;
}
