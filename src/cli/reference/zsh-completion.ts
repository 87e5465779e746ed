import { quoteWord } from '../../host/index.ts';
import { functionName, lastWord, scriptHeader } from './completion-tables.ts';
import { everyCommand, type CommandText, type OptionText, type ValueText } from './describe-program.ts';

/**
 * Returns a script for zsh 5 or newer that completes the words of the program, as a file of its function path or to be sourced
 * after compinit. It starts nothing when a key is pressed.
 */
export function zshCompletion(program: CommandText): string {
  const root = functionName(program);
  const name = program.path[0] ?? '';
  return `#compdef ${name}
${scriptHeader(program, 'zsh')}

# Completes a further file behind one of the given options, which take all words up to the next option.
${root}__more() {
  local option=\${words[1,CURRENT-1][(R)-*]}
  (( \${argv[(Ie)$option]} )) && _files
}

${everyCommand(program)
  .map((command) => (command.commands.length > 0 ? groupFunction(root, command) : leafFunction(root, command)))
  .join('\n\n')}

# The file is the function where zsh loads it by itself, and defines it where it is sourced.
if [[ $funcstack[1] == ${root} ]]; then
  ${root} "$@"
else
  compdef ${root} ${quoteWord(name)}
fi
`;
}

/** The function of a command that has commands below it. */
function groupFunction(root: string, command: CommandText): string {
  const own = nameOf(root, command);
  return `${own}_commands() {
  local -a commands=(
${command.names.map(({ name, about }) => `    ${quoteWord(`${name}:${about}`)}`).join('\n')}
  )
  _describe -t commands command commands
}

${own}() {
  local curcontext=$curcontext state line ret=1
  local -A opt_args
  _arguments -C \\
${command.options.map((option) => optionSpec(root, option)).join('')}    ${quoteWord(`1:command:${own}_commands`)} \\
    '*::: :->below' && ret=0
  if [[ $state == below ]]; then
    # The words of the command below begin with its name.
    words=($line[1] "\${words[@]}")
    ((CURRENT++))
    curcontext="\${curcontext%:*:*}:$line[1]:"
    case $line[1] in
${command.commands.map((below) => `      ${lastWord(below)}) ${nameOf(root, below)} && ret=0 ;;`).join('\n')}
      help) ${own} && ret=0 ;;
    esac
  fi
  return ret
}`;
}

/** The function of a command that has none below it. */
function leafFunction(root: string, command: CommandText): string {
  const lists = command.options
    .filter(({ value }) => value?.isList === true && value.kind === 'file')
    .flatMap(({ spellings }) => spellings);
  const values = command.values.map((value, index) => valueSpec(root, value, index));
  if (lists.length > 0 && !command.values.some(({ isList }) => isList)) values.push(`*: : ${root}__more ${lists.join(' ')}`);
  const specs = [...command.options.map((option) => optionSpec(root, option)), ...values.map((spec) => `    ${quoteWord(spec)} \\\n`)];
  return `${nameOf(root, command)}() {
  _arguments -S \\
${specs.join('').replace(/ \\\n$/, '')}
}`;
}

function nameOf(root: string, { path }: CommandText): string {
  return [root, ...path.slice(1).map((word) => word.replaceAll('-', '_'))].join('_');
}

function optionSpec(root: string, { spellings, about, value }: OptionText): string {
  const text = `[${about.replace(/[[\]\\]/g, '\\$&')}]`;
  return spellings
    .map((spelling) => {
      if (value === undefined) return `${spelling}${text}`;
      // Any option with a value may be one whose values are collected.
      return `*${spelling}${spelling.startsWith('--') && !value.isOptional ? '=' : ''}${text}:${value.isOptional ? ':' : ''}${message(value)}:${action(root, value)}`;
    })
    .map((spec) => `    ${quoteWord(spec)} \\\n`)
    .join('');
}

function valueSpec(root: string, value: ValueText, index: number): string {
  return `${value.isList ? '*' : index + 1}:${value.isOptional && !value.isList ? ':' : ''}${message(value)}:${action(root, value)}`;
}

function message({ name }: ValueText): string {
  return name.replaceAll(':', '\\:');
}

function action(root: string, { kind, choices }: ValueText): string {
  if (choices.length > 0) return `(${choices.join(' ')})`;
  if (kind === 'file') return '_files';
  if (kind === 'directory') return '_files -/';
  return kind === 'command' ? `${root}_commands` : ' ';
}
