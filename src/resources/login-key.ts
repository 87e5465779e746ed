import { runChecked, setBlock, shellScript, type Host } from '../host/index.ts';
import type { Content } from './content.ts';
import { ABSENT, SAME, type Found, type ResourceKind } from './kind.ts';

/** The public key of the site among those that may log in as a user: a block in authorized_keys. Its key is the user's name. */
export interface LoginKeySpec {
  /** One line as authorized_keys has it. */
  readonly line: Content;
}

/** Name of our block in authorized_keys. */
const BLOCK = 'caisson';

/** Sets `file` to the authorized_keys of the user in $1, whose entry in passwd must exist. */
const FIND = `set -eu
entry=$(getent passwd -- "$1") || { echo "there is no user $1" >&2; exit 1; }
home=$(printf '%s\\n' "$entry" | cut -d: -f6)
group=$(printf '%s\\n' "$entry" | cut -d: -f4)
file=$home/.ssh/authorized_keys
`;

/** Parameter: a user. Prints the authorized_keys of the user; nothing when there is none. */
export const READ_KEYS_SCRIPT = `${FIND}
[ ! -e "$file" ] || cat -- "$file"
`;

/**
 * Parameters: a user, and the number of bytes on standard input. Replaces the authorized_keys of the user at once and keeps
 * mode and owner of one that is there; a new one belongs to the user alone. An input that ends early changes nothing,
 * because a shortened file would lock people out. Where the host has SELinux, directory and file get their contexts, without
 * which sshd would not read them. Without bytes the file goes, and its directory when nothing else is in it:
 * this is one command, because it is the last that the seed can send.
 */
export const WRITE_KEYS_SCRIPT = `${FIND}
umask 077
if [ "$2" = 0 ] && [ ! -L "$file" ]; then
  rm -f -- "$file"
  [ ! -d "$home/.ssh" ] || rmdir --ignore-fail-on-non-empty -- "$home/.ssh"
  exit 0
fi
[ -d "$home/.ssh" ] || { mkdir -- "$home/.ssh"; chown -- "$1:$group" "$home/.ssh"; }
[ -e "$file" ] || { : > "$file"; chown -- "$1:$group" "$file"; }
file=$(readlink -f -- "$file")
temporary=$(mktemp -- "$file.XXXXXXXX")
trap 'rm -f -- "$temporary"' EXIT
cat > "$temporary"
[ "$(stat -c %s -- "$temporary")" = "$2" ] || { echo "only a part of the keys arrived" >&2; exit 1; }
chown --reference="$file" -- "$temporary"
chmod --reference="$file" -- "$temporary"
sync -- "$temporary"
mv -fT -- "$temporary" "$file"
if command -v restorecon >/dev/null; then restorecon -R "$home/.ssh" || :; fi
`;

export const loginKeyKind: ResourceKind<LoginKeySpec> = {
  look: (host, wanted, { signal }) =>
    Promise.all(
      wanted.map(async ({ key, spec: { line } }): Promise<Found> => {
        const text = await readKeys(host, key, signal);
        if (setBlock(text, BLOCK, []) === text) return ABSENT;
        const isKnown = line.digest !== undefined && setBlock(text, BLOCK, [await textOf(line)]) === text;
        return isKnown ? SAME : { state: 'different', why: 'the key differs' };
      }),
    ),
  ensure: async (host, wanted, { signal }) => {
    for (const { key, spec } of wanted) await setKeys(host, key, [await textOf(spec.line)], signal);
  },
  remove: async (host, owned, { signal }) => {
    for (const { key } of owned) await setKeys(host, key, [], signal);
  },
};

async function textOf(line: Content): Promise<string> {
  return Buffer.from(await line.read())
    .toString()
    .trim();
}

async function readKeys(host: Host, user: string, signal: AbortSignal): Promise<string> {
  return (await runChecked(host, { argv: shellScript(READ_KEYS_SCRIPT, [user]) }, { signal })).stdout;
}

async function setKeys(host: Host, user: string, lines: readonly string[], signal: AbortSignal): Promise<void> {
  const before = await readKeys(host, user, signal);
  const after = setBlock(before, BLOCK, lines);
  if (after === before) return;
  const argv = shellScript(WRITE_KEYS_SCRIPT, [user, Buffer.byteLength(after).toString()]);
  await runChecked(host, { argv, input: after }, { signal });
}
