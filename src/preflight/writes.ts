import { scopeFor, type NodeSpec, type Topology } from '../cluster/index.ts';
import { CaissonError } from '../core/index.ts';
import { runChecked, shellScript, type Host } from '../host/index.ts';
import { renderTemplate } from '../manifests/index.ts';

/** Writes that are timed: enough for an average, and few enough for a disk that takes 100 ms for each. */
const WRITES = 100;
/** Bytes of one write: an entry of a log that is synced after each. */
const WRITE_BYTES = 2300;
const NANOSECONDS_PER_MILLISECOND = 1_000_000;

/**
 * Parameter: a directory. Writes a small file to its file system, each block straight to the disk (O_DSYNC), removes it, and prints
 * the nanoseconds that this took. The file lies in /var/tmp where that is on the same file system, so that no directory of the host
 * shows a change.
 */
export const SYNCED_WRITES_SCRIPT = `set -eu
export LC_ALL=C
directory=$1
while [ ! -d "$directory" ]; do directory=$(dirname -- "$directory"); done
[ "$(stat -c %d -- "$directory")" != "$(stat -c %d /var/tmp)" ] || directory=/var/tmp
file=$(mktemp -- "$directory/.caisson-writes.XXXXXX")
trap 'rm -f -- "$file"' EXIT
trap 'exit 1' HUP INT TERM
begin=$(date +%s%N)
dd if=/dev/zero of="$file" bs=${WRITE_BYTES} count=${WRITES} oflag=dsync conv=notrunc 2>/dev/null
end=$(date +%s%N)
echo $((end - begin))
`;

/** A directory in which a component writes and waits for each write. */
export interface SyncedDirectory {
  readonly component: string;
  readonly directory: string;
  /** Milliseconds that one write may take on the average. */
  readonly milliseconds: number;
}

export interface MeasuredWrites extends SyncedDirectory {
  /** Milliseconds that one write took on the average. */
  readonly took: number;
}

/** Returns the directories of those components of a node that are not installed there yet. */
export function syncedDirectoriesOf(topology: Topology, node: NodeSpec, installed: ReadonlySet<string>): readonly SyncedDirectory[] {
  return topology.componentsOf(node.name).flatMap(({ name, requires: { syncedWrites } }): SyncedDirectory[] => {
    if (syncedWrites === undefined || installed.has(name)) return [];
    const scope = scopeFor(topology, node, { component: name });
    const directory = renderTemplate(syncedWrites.directory, scope, `requires of ${name}`);
    return [{ component: name, directory, milliseconds: syncedWrites.milliseconds }];
  });
}

/** Times synced writes in each directory, with one command each. Leaves nothing there. Throws CommandFailedError and HOST_FACTS_INVALID. */
export async function measureWrites(
  host: Host,
  directories: readonly SyncedDirectory[],
  signal: AbortSignal,
): Promise<readonly MeasuredWrites[]> {
  const measured: MeasuredWrites[] = [];
  for (const wanted of directories) {
    const { stdout } = await runChecked(host, { argv: shellScript(SYNCED_WRITES_SCRIPT, [wanted.directory]) }, { signal });
    if (!/^\d{1,15}\n$/.test(stdout))
      throw new CaissonError('HOST_FACTS_INVALID', `Cannot read how fast "${host.name}" writes to its disk`);
    measured.push({ ...wanted, took: Number(stdout) / WRITES / NANOSECONDS_PER_MILLISECOND });
  }
  return measured;
}
