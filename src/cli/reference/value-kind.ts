/** The words that a shell can offer for a value: names of files, of directories, of commands, or nothing that it knows. */
export type ValueKind = 'file' | 'directory' | 'command' | 'text';

/** The names of values whose kind is not text, in lower case and without dots, as the help has them between the brackets. */
const KINDS: Readonly<Record<string, ValueKind>> = {
  bundle: 'file',
  command: 'command',
  dir: 'directory',
  directory: 'directory',
  file: 'file',
  layer: 'file',
  lock: 'file',
  path: 'file',
  target: 'file',
};

/** The kind of a value by its name, such as `file` of `--lock <file>`. A name that is not known is one of a text. */
export function valueKind(name: string): ValueKind {
  return KINDS[name] ?? 'text';
}
