import {
  commandKey,
  completionTables,
  functionName,
  kindWords,
  lastWord,
  scriptHeader,
  type CompletionTables,
} from './completion-tables.ts';
import { everyCommand, type CommandText, type OptionText, type ValueText } from './describe-program.ts';

/** Returns a script for fish 3 or newer that completes the words of the program. It starts nothing when a key is pressed. */
export function fishCompletion(program: CommandText): string {
  const name = `_${functionName(program)}`;
  const { commands, options, values } = completionTables(program);
  const all = everyCommand(program);
  const complete = `complete -c ${quote(program.path[0] ?? '')}`;
  return `${scriptHeader(program, 'fish')}

# Prints the command that stands before the cursor, and the kind of the value that the word at the cursor is.
function ${name}_state
    set -l command ''
    set -l option ''
    set -l given ''
    set -l ended ''
    set -l place 0
    set -l words (commandline -opc)
    set -e words[1]
    for word in $words
        if test -n "$option"; and begin; test -z "$given"; or not string match -q -- '-*' $word; end
            if ${name}_takes_many "$command $option"
                set given 1
            else
                set option ''
            end
            continue
        end
        set option ''
        if test -z "$ended"; and test "$word" = --
            set ended 1
        else if test -z "$ended"; and string match -q -- '-*' $word
            if ${name}_option "$command $word" >/dev/null
                set option $word
                set given ''
                ${name}_may_lack "$command $word"; and set given 1
            end
        else if contains -- $word (${name}_commands "$command")
            test $word = help; or set command (string trim -- "$command $word")
        else
            set place (math $place + 1)
        end
    end
    echo "$command"
    set -l below (${name}_commands "$command")
    if test -n "$option"
        ${name}_option "$command $option"
    else if set -q below[1]
        echo commands
    else
        ${name}_value "$command $place"
    end
end

function ${name}_option
    switch $argv[1]
${options.map(({ key, value }) => `        case ${quote(key)}\n            echo ${quote(kindWords(value))}`).join('\n')}
        case '*'
            return 1
    end
end

function ${name}_takes_many
    contains -- $argv[1] ${keysOf(options.filter(({ value }) => value.isList))}
end

function ${name}_may_lack
    contains -- $argv[1] ${keysOf(options.filter(({ value }) => value.isOptional))}
end

function ${name}_value
    switch $argv[1]
${values.map(({ key, value }) => `        case ${quote(key)}\n            echo ${quote(kindWords(value))}`).join('\n')}
        case '*'
            echo text
    end
end

function ${name}_commands
    switch $argv[1]
${commands.map(({ command, names }) => `        case ${quote(command)}\n            printf '%s\\n' ${names.map(({ name }) => name).join(' ')}`).join('\n')}
    end
end

function ${name}_at
    set -l state (${name}_state)
    test "$state[1]" = $argv[1]
end

function ${name}_wants
    set -l state (${name}_state)
    test "$state[2]" = $argv[1]
end

function ${name}_goes_on
    ${name}_at $argv[1]; and ${name}_wants commands
end

${complete} -e
${complete} -f
${complete} -n ${quote(`${name}_wants file`)} -F
${complete} -n ${quote(`${name}_wants directory`)} -a '(__fish_complete_directories)'
${commands.map((row) => nameRules(complete, name, row)).join('\n')}
${program.commands.map((command) => `${complete} -n ${quote(`${name}_wants command`)} -a ${quote(lastWord(command))} -d ${quote(command.summary)}`).join('\n')}
${choiceRules(complete, name, values)}
${all.flatMap((command) => command.options.map((option) => optionRule(complete, name, command, option))).join('\n')}
`;
}

function keysOf(options: CompletionTables['options']): string {
  return options.map(({ key }) => quote(key)).join(' ');
}

/** The names of the commands below a command. */
function nameRules(complete: string, name: string, { command, names }: CompletionTables['commands'][number]): string {
  const goesOn = quote(`${name}_goes_on ${quote(command)}`);
  return names.map((below) => `${complete} -n ${goesOn} -a ${quote(below.name)} -d ${quote(below.about)}`).join('\n');
}

function choiceRules(complete: string, name: string, values: readonly { readonly value: ValueText }[]): string {
  const kinds = new Set(values.filter(({ value }) => value.choices.length > 0).map(({ value }) => value.choices.join(' ')));
  return [...kinds]
    .map((choices) => `${complete} -n ${quote(`${name}_wants ${quote(`words ${choices}`)}`)} -a ${quote(choices)}`)
    .join('\n');
}

function optionRule(complete: string, name: string, command: CommandText, { spellings, about, value }: OptionText): string {
  const names = spellings.map((spelling) => (spelling.startsWith('--') ? `-l ${spelling.slice(2)}` : `-s ${spelling.slice(1)}`)).join(' ');
  const condition = quote(`${name}_at ${quote(commandKey(command))}`);
  return `${complete} -n ${condition} ${names}${value === undefined ? '' : ` ${valueRule(value)}`} -d ${quote(about)}`;
}

function valueRule({ kind, choices, isOptional }: ValueText): string {
  // The shell would take the next word for the value in any case.
  if (isOptional) return '';
  if (choices.length > 0) return `-x -a ${quote(choices.join(' '))}`;
  if (kind === 'file') return '-r -F';
  return kind === 'directory' ? "-x -a '(__fish_complete_directories)'" : '-x';
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
