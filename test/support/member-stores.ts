import { hardManifests, hardSite, type HardChoices, type HardSite } from './hard-cases.ts';
import type { SampleNode } from './sample-install.ts';

const STORE = 'components/store/component.yaml';

/** The platform of the hard cases with a store whose members read a file with the names of all, and restart when it changes. */
export function storeManifests(
  choices: HardChoices = {},
  edit: (store: string) => string = (store) => store,
): Readonly<Record<string, string>> {
  const texts = hardManifests(choices);
  const store = (texts[STORE] ?? '')
    .replace('values:\n', 'values:\n  present: { each: store, as: "${each.name}=${each.address}" }\n')
    .replace('files:\n', 'files:\n  - { path: "${var.root}/members", template: members }\n');
  return { ...texts, [STORE]: edit(store), 'components/store/members': '${value.present}\n' };
}

/** Hosts of which the first have the store. A member of a quorum of three or more is not the seed. */
export function stores(count: number, hosts = count): readonly SampleNode[] {
  return Array.from({ length: hosts }, (_, index) => ({
    name: `n${index + 1}`,
    address: `10.0.0.${index + 11}`,
    roles: index < count ? ['store'] : ['control'],
  }));
}

/** Installs these hosts, whose stores are the members that found the quorum. `machines` are there, declared or not. */
export async function foundStores(
  own: string,
  bundle: string,
  nodes: readonly SampleNode[],
  machines: readonly SampleNode[] = nodes,
): Promise<HardSite> {
  const site = await hardSite(own, bundle, machines);
  await site.declare(nodes);
  for (const { name, roles } of nodes) if (roles.includes('store')) site.platform.members.add(name);
  await site.run();
  site.takeRestarts();
  site.platform.takeLog();
  return site;
}

/**
 * Fails a run in which fewer members of the store run than decide. A member whose machine is new runs once it was started there,
 * and one that restarts is away for that time.
 */
export function watchMajority(site: HardSite): { readonly moments: () => number } {
  let moments = 0;
  const runs = (name: string): boolean => site.machine(name).units.get('store.service')?.started !== undefined;
  for (const machine of site.machines) {
    const run = machine.run.bind(machine);
    machine.run = async (...parameters) => {
      const restarts = machine.restarted.length;
      const result = await run(...parameters);
      const members = [...site.platform.members];
      const away = machine.restarted.slice(restarts).includes('store.service') ? 1 : 0;
      const up = members.filter(runs).length - away;
      if (up < Math.floor(members.length / 2) + 1)
        throw new Error(`${up} of ${members.join(', ')} run after: ${machine.lines.at(-1) ?? ''}`);
      moments += 1;
      return result;
    };
  }
  return { moments: () => moments };
}
