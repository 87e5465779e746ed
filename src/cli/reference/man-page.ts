import { EXIT_STATUSES } from '../../core/index.ts';
import { everyCommand, type CommandText, type OptionText, type ValueText } from './describe-program.ts';
import { examplesOf } from './examples.ts';
import { bold, escapeRoff, italic, macro, paragraph, tagged } from './roff.ts';

/** Marks of a release that each page carries. */
export interface ManEdition {
  readonly version: string;
  /** Day of the sources as YYYY-MM-DD; undefined where it is not known. */
  readonly date: string | undefined;
}

/** A page of the manual, in the language of man(7). */
export interface ManPage {
  /** The name of its file, such as caisson-node-add.1. */
  readonly file: string;
  readonly text: string;
}

/** Returns a page for the program and for each command below it. The same definition and edition give the same bytes. */
export function manPages(program: CommandText, edition: ManEdition): readonly ManPage[] {
  const pageOf = (command: CommandText, above?: CommandText): readonly ManPage[] => [
    { file: `${pageName(command)}.1`, text: manPage(command, above, edition) },
    ...command.commands.flatMap((below) => pageOf(below, command)),
  ];
  return pageOf(program);
}

/** Returns the command below the program with these words; undefined where there is none. */
export function findCommand(program: CommandText, words: readonly string[]): CommandText | undefined {
  const wanted = [program.path[0], ...words].join(' ');
  return everyCommand(program).find(({ path }) => path.join(' ') === wanted);
}

function manPage(command: CommandText, above: CommandText | undefined, { version, date = '' }: ManEdition): string {
  const [program = ''] = command.path;
  return [
    macro('TH', pageName(command).toUpperCase(), '1', date, `${program} ${version}`),
    macro('SH', 'NAME'),
    paragraph(`${escapeRoff(pageName(command))} \\- ${escapeRoff(command.summary)}`),
    macro('SH', 'SYNOPSIS'),
    paragraph(`${bold(command.path.join(' '))} ${escapeRoff(command.usage.slice(command.path.join(' ').length + 1))}`),
    macro('SH', 'DESCRIPTION'),
    paragraph(escapeRoff(command.description)),
    ...section(
      'ARGUMENTS',
      command.values.map(({ name, about }) => tagged(italic(name), escapeRoff(about))),
    ),
    ...section(
      'COMMANDS',
      command.commands.map((below) => tagged(reference(below), escapeRoff(below.summary))),
    ),
    ...section('OPTIONS', command.options.map(describeOption)),
    ...section(
      'EXAMPLES',
      examplesOf(command.path.slice(1)).map(({ line, about }) => tagged(bold(`${program} ${line}`), escapeRoff(about))),
    ),
    ...section(
      'EXIT STATUS',
      Object.entries(EXIT_STATUSES).map(([status, meaning]) => tagged(bold(status), escapeRoff(meaning))),
    ),
    ...section('SEE ALSO', above === undefined ? [] : [reference(above)]),
    '',
  ].join('\n');
}

function section(title: string, parts: readonly string[]): readonly string[] {
  return parts.length === 0 ? [] : [macro('SH', title), ...parts];
}

function describeOption({ spellings, about, value }: OptionText): string {
  return tagged(`${spellings.map(bold).join(', ')}${value === undefined ? '' : ` ${valueText(value)}`}`, escapeRoff(about));
}

function valueText({ name, isList, isOptional }: ValueText): string {
  const text = `${italic(name)}${isList ? ' ...' : ''}`;
  return isOptional ? `[${text}]` : text;
}

/** The name of a page: caisson-node-add. */
function pageName({ path }: CommandText): string {
  return path.join('-');
}

function reference(command: CommandText): string {
  return `${bold(pageName(command))}(1)`;
}
