import type { Topology } from '../../cluster/index.ts';

/** Hosts by component, without those that do not run it any more. */
export function standing(
  lists: Readonly<Record<string, readonly string[]>>,
  { hostsOf }: Pick<Topology, 'hostsOf'>,
): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(lists)
      .map(([component, hosts]): [string, string[]] => {
        const staying = new Set(hostsOf(component).map(({ name }) => name));
        return [component, hosts.filter((host) => staying.has(host))];
      })
      .filter(([, hosts]) => hosts.length > 0),
  );
}
