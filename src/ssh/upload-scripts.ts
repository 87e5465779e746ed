/**
 * Writes standard input to a temporary file ($1) in the directory of the final one ($2) and prints its sha256. Missing
 * parents get mode 0755; the file is readable by root only until PLACE_SCRIPT runs. First deletes leftovers of earlier
 * uploads to the same name that are older than $3 minutes, so that no upload still writes them; all leftovers when $3
 * is empty.
 */
export const RECEIVE_SCRIPT = `set -eu
umask 022
directory=$(dirname -- "$2")
mkdir -p -- "$directory"
find "$directory" -maxdepth 1 -type f -name ".$(basename -- "$2").*.tmp" \${3:+-mmin "+$3"} -delete
umask 077
cat > "$1"
sha256sum < "$1"
`;

/**
 * Gives the temporary file ($1) its mode ($3), owner ($4) and name ($2). Its bytes are on disk before it has its name. Where
 * the host has SELinux, the file gets the context of its name: a new file has that of its directory.
 */
export const PLACE_SCRIPT = `set -eu
chown -- "$4" "$1"
chmod -- "$3" "$1"
sync -- "$1"
mv -fT -- "$1" "$2"
if command -v restorecon >/dev/null; then restorecon "$2" || :; fi
sync -- "$(dirname -- "$2")"
`;
