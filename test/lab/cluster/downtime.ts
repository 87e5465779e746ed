import type { Site } from './site.ts';

/** A port that a component serves, asked for from the seed. */
export interface ServedPort {
  readonly component: string;
  readonly node: string;
  readonly port: number;
}

/**
 * Tries each "NAME ADDRESS PORT" of "$@" about five times a second, and writes "NAME SECONDS" for each that refuses:
 * the time since the last look. Ends when the file /run/downtime-watched goes.
 */
const WATCH = `
touch /run/downtime-watched
declare -A before
while [ -e /run/downtime-watched ]; do
  for target do
    read -r name address port <<< "$target"
    now=$(date +%s%3N)
    if ! timeout 1 bash -c "exec 3<>/dev/tcp/$address/$port" 2>/dev/null; then
      echo "$name $((now - \${before[$name]:-$now}))"
    fi
    before[$name]=$now
  done
  sleep 0.2
done`;

/** Runs the work, and resolves to the seconds for which the port of each component refused connections meanwhile. */
export async function downtimeOf(
  site: Site,
  ports: readonly ServedPort[],
  work: () => Promise<void>,
): Promise<Readonly<Record<string, number>>> {
  const targets = ports.map(({ component, node, port }) => `${component} ${site.address(node)} ${port}`);
  const watching = site.bash(site.seed, WATCH, ...targets);
  try {
    await work();
  } finally {
    await site.bash(site.seed, 'rm -f /run/downtime-watched');
  }
  const refused = (await watching).split('\n').filter((line) => line !== '');
  return Object.fromEntries(
    ports.map(({ component }) => {
      const own = refused.filter((line) => line.startsWith(`${component} `)).map((line) => Number(line.split(' ')[1]));
      return [component, Math.round(own.reduce((sum, milliseconds) => sum + milliseconds, 0) / 100) / 10];
    }),
  );
}
