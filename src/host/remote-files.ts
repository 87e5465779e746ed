import { CaissonError, digestFromHex, type Digest } from '../core/index.ts';
import { CommandFailedError } from './command-failed-error.ts';
import type { CommandResult } from './command.ts';
import type { Host } from './host.ts';
import { runChecked, shellScript } from './run-checked.ts';

interface Options {
  readonly signal?: AbortSignal;
}

/** Exit status with which the scripts here report a missing path. */
const ABSENT = 44;

/** Most bytes of a file that is read. Configuration files are small; logs and images are not read this way. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/**
 * Returns the text of a file, or undefined when it does not exist. Throws LIMIT_EXCEEDED above 4 MiB, and
 * CommandFailedError when it cannot be read.
 */
export async function readRemoteFile(host: Host, path: string, options: Options = {}): Promise<string | undefined> {
  const script = `[ -e "$1" ] || exit ${ABSENT}; head -c ${MAX_FILE_BYTES + 1} -- "$1"`;
  const result = await runOptional(host, ['cat', path], shellScript(script, [path]), options);
  if (result !== undefined && Buffer.byteLength(result.stdout) > MAX_FILE_BYTES) {
    throw new CaissonError('LIMIT_EXCEEDED', `Cannot read "${path}" on "${host.name}": it is larger than ${MAX_FILE_BYTES} bytes`);
  }
  return result?.stdout;
}

/** Returns the digest of a file, or undefined when it does not exist. Throws CommandFailedError when it cannot be read. */
export async function fileDigest(host: Host, path: string, options: Options = {}): Promise<Digest | undefined> {
  // sha256sum reads standard input, because it escapes unusual file names in its output.
  const script = `[ -e "$1" ] || exit ${ABSENT}; sha256sum < "$1"`;
  const result = await runOptional(host, ['sha256sum', path], shellScript(script, [path]), options);
  return result === undefined ? undefined : digestFromHex(result.stdout.trim().split(/\s+/)[0] ?? '');
}

/**
 * Makes a directory with this mode and owner, and missing parents with mode 0755. Throws CommandFailedError when a file
 * has the path.
 */
export async function ensureDirectory(
  host: Host,
  path: string,
  { mode = 0o755, owner = 'root:root', ...options }: Options & { readonly mode?: number; readonly owner?: string } = {},
): Promise<void> {
  const script = 'set -eu; umask 022; mkdir -p -- "$1"; chown -- "$2" "$1"; chmod -- "$3" "$1"';
  await runChecked(host, { argv: shellScript(script, [path, owner, mode.toString(8)]) }, options);
}

/** Removes a file. Succeeds when it does not exist. */
export async function removeRemoteFile(host: Host, path: string, options: Options = {}): Promise<void> {
  await runChecked(host, { argv: ['rm', '-f', '--', path] }, options);
}

/**
 * Writes a marked block into a file and does not change its other lines, mode and owner. Empty `lines` remove the
 * block. A mounted file (/etc/hosts of a container) cannot be replaced and is written in place. Where the host has SELinux,
 * the file keeps its context, without which services could not read it.
 */
export async function ensureBlock(host: Host, path: string, id: string, lines: readonly string[], options: Options = {}): Promise<void> {
  const before = (await readRemoteFile(host, path, options)) ?? '';
  const after = setBlock(before, id, lines);
  if (after !== before) await runChecked(host, { argv: shellScript(REPLACE_SCRIPT, [path]), input: after }, options);
}

const REPLACE_SCRIPT = `set -eu
umask 022
[ -e "$1" ] || : > "$1"
temporary=$(mktemp -- "$1.XXXXXXXX")
trap 'rm -f -- "$temporary"' EXIT
cat > "$temporary"
chown --reference="$1" -- "$temporary"
chmod --reference="$1" -- "$temporary"
if command -v selinuxenabled >/dev/null && selinuxenabled; then chcon --reference="$1" -- "$temporary"; fi
sync -- "$temporary"
mv -fT -- "$temporary" "$1" 2>/dev/null || { cat -- "$temporary" > "$1"; sync -- "$1"; }
`;

/**
 * Returns the text with the block `id` set to these lines, at its earlier place or at the end. All other lines are
 * kept. If the text has the block twice, the result has it once. If a begin marker has no end marker, only that marker
 * is removed, because the following lines may not belong to the block.
 */
export function setBlock(text: string, id: string, lines: readonly string[]): string {
  if (!/^[\w .-]+$/.test(id)) throw new Error(`"${id}" is not a name of a block`);
  if (lines.some((line) => /[\n\r]/.test(line))) throw new Error('a line of a block contains a line feed');
  const begin = `# BEGIN ${id}`;
  const end = `# END ${id}`;
  const block = lines.length === 0 ? [] : [begin, ...lines, end];
  const kept: string[] = [];
  let place: number | undefined;
  const all = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  for (let index = 0; index < all.length; index += 1) {
    const line = all[index] ?? '';
    if (line !== begin) {
      kept.push(line);
      continue;
    }
    place ??= kept.length;
    const close = all.indexOf(end, index + 1);
    const next = all.indexOf(begin, index + 1);
    // Without an end marker, only the begin marker is removed: the following lines may not belong to the block.
    if (close >= 0 && (next < 0 || close < next)) index = close;
  }
  kept.splice(place ?? kept.length, 0, ...block);
  const result = kept.length === 0 ? '' : `${kept.join('\n')}\n`;
  // When nothing had to change, a last line without a line feed is kept as it is.
  return `${text}\n` === result ? text : result;
}

async function runOptional(
  host: Host,
  shown: readonly string[],
  argv: readonly string[],
  options: Options,
): Promise<CommandResult | undefined> {
  const result = await host.run({ argv }, options);
  if (result.exitCode === ABSENT) return undefined;
  if (result.exitCode !== 0) throw new CommandFailedError(host.name, shown, result);
  return result;
}
