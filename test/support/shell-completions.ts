import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ask } from './ask.ts';

/** Asks a shell which words it offers at the end of each line, in a directory, with a completion script of `caisson`. */
export type Offers = (directory: string, script: string, lines: readonly string[]) => Promise<readonly (readonly string[])[]>;

/** Line that stands behind the words of one answer. */
const END = 'END-OF-ANSWER';

/** bash, whose completion function gets the words as readline cuts them. */
export const bashOffers: Offers = async (directory, script, lines) => {
  await writeFile(join(directory, 'script.bash'), script);
  const asked = lines.map((line) => {
    // Readline cuts words at blanks, and at = and : by the default of COMP_WORDBREAKS.
    const words = [...line.matchAll(/[^ =:]+|[=:]+/g)].map(([word]) => word);
    if (line.endsWith(' ')) words.push('');
    return `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _caisson; answer`;
  });
  const answer = `answer() { ((\${#COMPREPLY[@]})) && printf '%s\\n' "\${COMPREPLY[@]}"; echo ${END}; }`;
  return answersOf(
    await printed(directory, 'bash', '--norc', '-eu', '-c', ['set +e', 'source ./script.bash', answer, ...asked].join('\n')),
  );
};

/** fish, which prints what it offers for a line. */
export const fishOffers: Offers = async (directory, script, lines) => {
  await writeFile(join(directory, 'script.fish'), script);
  const asked = lines.map((line) => `complete -C'${line}'; echo ${END}`);
  const out = await printed(directory, 'fish', '--no-config', '-c', ['source ./script.fish', ...asked].join('\n'));
  // A description stands behind a tabulator; an option in the form --option=VALUE is repeated in front of its value.
  return answersOf(out).map((words) =>
    words.map((word) =>
      word
        .replace(/\t.*$/, '')
        .replace(/^--[a-z-]+=/, '')
        .replace(/\/$/, ''),
    ),
  );
};

/** zsh with a line editor of its own on a pseudo-terminal, which loads the script from its function path. */
export const zshOffers: Offers = async (directory, script, lines) => {
  await mkdir(join(directory, 'functions'), { recursive: true });
  await writeFile(join(directory, 'functions/_caisson'), script);
  await writeFile(join(directory, 'probe.zsh'), ZSH_PROBE);
  return answersOf(await printed(directory, 'zsh', '-f', '-c', `${ZSH_DRIVER}`, 'driver', ...lines));
};

/** Runs in the zsh that is typed at: each word that would be offered goes into a file. */
const ZSH_PROBE = `
PROMPT=
fpath=($PWD/functions $fpath)
autoload -Uz compinit
compinit -u -D
compadd() {
  if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then
    builtin compadd "$@"
    return $?
  fi
  typeset -ga offered
  builtin compadd -A offered "$@"
  print -rl -- $offered >>$PWD/offered
  builtin compadd "$@"
}
probe() {
  _main_complete
  compstate[insert]=
  compstate[list]=
  print -r -- ${END} >>$PWD/offered
}
zle -C probe complete-word probe
bindkey '^I' probe
print -r -- TYPE NOW
`;

const ZSH_DRIVER = `
export TERM=xterm
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'source ./probe.zsh'
zpty -r shell ready '*TYPE NOW*'
for line in "$@"; do
  : >offered
  zpty -w -n shell "$line"$'\\t'
  until grep -qx ${END} offered; do sleep 0.02; done
  cat offered
  zpty -w -n shell $'\\C-u'
done
zpty -d shell
`;

function answersOf(out: string): readonly (readonly string[])[] {
  const answers: string[][] = [[]];
  for (const line of out.split('\n')) {
    if (line === END) answers.push([]);
    else if (line !== '') answers.at(-1)?.push(line);
  }
  return answers.slice(0, -1).map((words) => [...new Set(words)].toSorted());
}

/** Runs a shell; throws when it prints on standard error. */
async function printed(directory: string, shell: string, ...argv: readonly string[]): Promise<string> {
  const { stdout, stderr } = await ask(directory, shell, ...argv);
  if (stderr !== '') throw new Error(`${shell} says: ${stderr.slice(0, 2000)}`);
  return stdout;
}

/** Types each line and a tabulator into an interactive bash, and returns the words with which `caisson` is started then. */
export const typedIntoBash: Offers = async (directory, script, lines) => {
  await writeFile(join(directory, 'script.bash'), script);
  await writeFile(join(directory, 'typed.bash'), BASH_TYPED);
  const out = await printed(directory, 'zsh', '-f', '-c', BASH_DRIVER, 'driver', ...lines);
  return out
    .trimEnd()
    .split('\n')
    .map((words) => words.trimEnd().split(';'));
};

/** Runs in the bash that is typed at. */
const BASH_TYPED = `
PS1=
bind 'set bell-style none'
bind 'set enable-bracketed-paste off'
source ./script.bash
caisson() { printf '%s;' "$@"; echo END; }
echo TYPE NOW
`;

const BASH_DRIVER = `
export TERM=xterm
zmodload zsh/zpty
zpty shell bash --norc -i
zpty -w shell 'source ./typed.bash'
zpty -r shell ready '*TYPE NOW*'
for line in "$@"; do
  zpty -w shell "$line"$'\\t'
  zpty -r shell typed '*;END*'
  print -r -- \${\${typed%;END*}##*$'\\n'}
done
zpty -d shell
`;
