import { runChecked, shellScript, type Host } from '../host/index.ts';

/** Parameters: directories. Prints the path of each that is not empty, with NUL at its end. */
export const LOOK_AT_DATA_SCRIPT = `set -eu
for path do
  if [ -n "$(ls -A -- "$path" 2>/dev/null | head -n 1)" ]; then printf '%s\\0' "$path"; fi
done
`;

/** Returns those of the directories of a host that are there and hold something. Changes nothing. */
export async function filledDirectories(host: Host, paths: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  if (paths.length === 0) return [];
  const { stdout } = await runChecked(host, { argv: shellScript(LOOK_AT_DATA_SCRIPT, paths) }, { signal });
  const found = stdout.split('\0');
  return paths.filter((path) => found.includes(path));
}
