import { suggestName } from '../io/index.ts';
import type { Component } from './component.ts';
import type { ProblemCollector } from './invalid-manifests-error.ts';
import { componentNames, type LoadedManifests } from './loaded-manifests.ts';

/**
 * Checks the drain actions of components: there is an uncordon action, by which work comes back, and the component needs those of
 * `before` on its own host, so that it is healthy after them. Whatever needs these on other hosts may not be needed by it, because hosts
 * take turns. Adds every mistake to `problems`; throws nothing.
 */
export function checkDrains(loaded: LoadedManifests, problems: ProblemCollector): void {
  const known = componentNames(loaded);
  const manifests = new Map(loaded.components.flatMap(({ value }) => (value === undefined ? [] : [[value.name, value] as const])));
  for (const { value, document } of loaded.components) {
    if (value === undefined) continue;
    for (const [index, { at, before = [] }] of value.actions.entries()) {
      if (at !== 'drain') continue;
      const say = (path: readonly (string | number)[], reason: string, remedy?: string): void =>
        problems.add(document.file, document.problemAt(['actions', index, ...path], reason, remedy));
      if (!value.actions.some((action) => action.at === 'uncordon'))
        say(['at'], 'is drain, and no action of the component is uncordon', 'a drain needs a way back');
      const near = neededNear(value, manifests);
      for (const [place, name] of before.entries()) {
        if (!known.has(name)) say(['before', place], `there is no component "${name}"`, suggestName(name, known));
        else if (!near.has(name))
          say(['before', place], `"${value.name}" does not need "${name}" on its host`, 'add it to the needs, or take it out here');
      }
      const between = [...neededBy(value, manifests)].find((one) => needsElsewhere(one, before));
      if (between !== undefined)
        say(['before'], `"${value.name}" needs "${between.name}", which needs one of these on other hosts`, 'hosts could not take turns');
    }
  }
}

type ByName = ReadonlyMap<string, Component>;

/** Names of the components that this one needs on its own host, directly or through others. */
function neededNear(component: Component, manifests: ByName, found = new Set<string>()): ReadonlySet<string> {
  for (const need of component.needs) {
    const needed = manifests.get(need.component);
    if (need.hosts !== 'near' || needed === undefined || found.has(needed.name)) continue;
    found.add(needed.name);
    neededNear(needed, manifests, found);
  }
  return found;
}

/** All components that this one needs, directly or through others. */
function neededBy(component: Component, manifests: ByName, found = new Set<Component>()): ReadonlySet<Component> {
  for (const need of component.needs) {
    const needed = manifests.get(need.component);
    if (needed === undefined || found.has(needed)) continue;
    found.add(needed);
    neededBy(needed, manifests, found);
  }
  return found;
}

function needsElsewhere({ needs }: Component, names: readonly string[]): boolean {
  return needs.some(({ component, hosts }) => hosts !== 'near' && names.includes(component));
}
