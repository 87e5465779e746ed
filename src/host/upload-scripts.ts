/**
 * Takes standard input into a temporary file ($1) beside the final one ($2) and prints its sha256. New parents get 0755,
 * the file is closed to others until it has its owner. What a broken run left behind for the same name goes first, if it
 * is older than some minutes ($3), so that nobody can still be writing it; all of it, if that is empty.
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

/** Gives the temporary file ($1) its mode ($3), owner ($4) and name ($2), on disk before anyone can see it. */
export const PLACE_SCRIPT = `set -eu
chown -- "$4" "$1"
chmod -- "$3" "$1"
sync -- "$1"
mv -fT -- "$1" "$2"
sync -- "$(dirname -- "$2")"
`;
