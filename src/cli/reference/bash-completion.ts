import { quoteWord } from '../../host/index.ts';
import { commandKey, completionTables, functionName, kindWords, scriptHeader } from './completion-tables.ts';
import { everyCommand, type CommandText } from './describe-program.ts';

/** Returns a script for bash 4 or newer that completes the words of the program. It starts nothing when a key is pressed. */
export function bashCompletion(program: CommandText): string {
  const name = functionName(program);
  const { commands, options, values } = completionTables(program);
  const rows = everyCommand(program).map(
    (command) => [commandKey(command), command.options.flatMap((option) => option.spellings)] as const,
  );
  return `${scriptHeader(program, 'bash')}

# Sets kind to what the option of the command takes; fails for an option without a value.
${name}_option() {
  case "$1 $2" in
${options.map(({ key, value }) => `    ${quoteWord(key)}) kind=${quoteWord(kindWords(value))} ;;`).join('\n')}
    *) return 1 ;;
  esac
}

# Succeeds for an option that takes all words up to the next option.
${name}_takes_many() {
  case "$1 $2" in
    ${patterns(options.filter(({ value }) => value.isList).map(({ key }) => quoteWord(key)))}) return 0 ;;
  esac
  return 1
}

# Succeeds for an option whose value may be left out.
${name}_may_lack() {
  case "$1 $2" in
    ${patterns(options.filter(({ value }) => value.isOptional).map(({ key }) => quoteWord(key)))}) return 0 ;;
  esac
  return 1
}

# Sets kind to what the command takes at a place, counted from 0.
${name}_value() {
  case "$1 $2" in
${values.map(({ key, value }) => `    ${placePattern(key)}) kind=${quoteWord(kindWords(value))} ;;`).join('\n')}
    *) kind=text ;;
  esac
}

# Sets names to the commands below the command.
${name}_commands() {
  case "$1" in
${commands.map(({ command, names }) => `    ${quoteWord(command)}) names=${quoteWord(wordsOf(names))} ;;`).join('\n')}
    *) names= ;;
  esac
}

# Sets names to the options of the command.
${name}_options() {
  case "$1" in
${rows.map(([command, names]) => `    ${quoteWord(command)}) names=${quoteWord(names.join(' '))} ;;`).join('\n')}
    *) names= ;;
  esac
}

# Sets COMPREPLY to the words of a kind that begin with $2.
${name}_offer() {
  case "$1" in
    file)
      mapfile -t COMPREPLY < <(compgen -f -- "$2")
      compopt -o filenames 2>/dev/null
      # Names that are written with quotes or backslashes are left to the shell.
      ((\${#COMPREPLY[@]})) || compopt -o default 2>/dev/null
      ;;
    directory)
      mapfile -t COMPREPLY < <(compgen -d -- "$2")
      compopt -o filenames 2>/dev/null
      ((\${#COMPREPLY[@]})) || compopt -o dirnames 2>/dev/null
      ;;
    command)
      local names
      ${name}_commands ''
      mapfile -t COMPREPLY < <(compgen -W "$names" -- "$2")
      ;;
    'words '*) mapfile -t COMPREPLY < <(compgen -W "\${1#words }" -- "$2") ;;
  esac
}

${name}() {
  local word kind names current tail index command='' option='' given='' ended='' place=0 glued=''
  local -a words=()
  COMPREPLY=()
  # Readline cuts words at = and :, which are put together again here.
  for ((index = 1; index <= COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    if [[ \${#words[@]} -gt 0 && ( -n $glued || $word =~ ^[=:]+$ ) ]]; then
      words[\${#words[@]}-1]+=$word
      [[ $word =~ ^[=:]+$ ]] && glued=1 || glued=''
    else
      words+=("$word")
    fi
  done
  current=\${words[\${#words[@]}-1]}
  tail=\${COMP_WORDS[COMP_CWORD]}
  [[ $tail =~ ^[=:]+$ ]] && tail=''
  unset 'words[\${#words[@]}-1]'
  for word in "\${words[@]}"; do
    if [[ -n $option && ( -z $given || $word != -* ) ]]; then
      if ${name}_takes_many "$command" "$option"; then given=1; else option=''; fi
      continue
    fi
    option=''
    if [[ -z $ended && $word == -- ]]; then
      ended=1
    elif [[ -z $ended && $word == -* ]]; then
      if ${name}_option "$command" "$word"; then
        option=$word given=''
        if ${name}_may_lack "$command" "$word"; then given=1; fi
      fi
    else
      ${name}_commands "$command"
      if [[ " $names " == *" $word "* ]]; then
        [[ $word == help ]] || command="\${command:+$command }$word"
      else
        ((place++))
      fi
    fi
  done
  if [[ -n $option && ( -z $given || $current != -* ) ]]; then
    ${name}_option "$command" "$option"
    ${name}_offer "$kind" "$current"
  elif [[ -z $ended && $current == -*=* ]]; then
    if ${name}_option "$command" "\${current%%=*}"; then
      current=\${current#*=}
      ${name}_offer "$kind" "$current"
    fi
  elif [[ -z $ended && $current == -* ]]; then
    ${name}_options "$command"
    mapfile -t COMPREPLY < <(compgen -W "$names" -- "$current")
  else
    ${name}_commands "$command"
    if [[ -n $names ]]; then
      mapfile -t COMPREPLY < <(compgen -W "$names" -- "$current")
    else
      ${name}_value "$command" "$place"
      ${name}_offer "$kind" "$current"
    fi
  fi
  # Readline replaces only what stands behind the last = or :.
  tail=\${current%"$tail"}
  COMPREPLY=("\${COMPREPLY[@]#"$tail"}")
}

complete -F ${name} ${quoteWord(program.path[0] ?? '')}
`;
}

function placePattern(key: string): string {
  return key.endsWith(' *') ? `${quoteWord(key.slice(0, -1))}*` : quoteWord(key);
}

function wordsOf(names: CommandText['names']): string {
  return names.map(({ name }) => name).join(' ');
}

/** Alternatives of a pattern; one that fits no word where there is none. */
function patterns(quoted: readonly string[]): string {
  return quoted.length === 0 ? "''" : quoted.join(' | ');
}
