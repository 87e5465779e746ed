import { isChosen, type Placement, type Topology } from '../../cluster/index.ts';
import type { ComponentManifest, ComponentMount } from '../../manifests/index.ts';
import type { Declared } from '../declared.ts';
import { rendererOf } from './renderer.ts';

type Site = Pick<Declared, 'topology'>;

/** Mounts of a component that the choices of the cluster have. */
export function chosenMounts({ options }: Topology, { mounts }: Pick<ComponentManifest, 'mounts'>): readonly ComponentMount[] {
  return mounts.filter(({ when }) => isChosen(when, options));
}

/** Directories of the mounts that components of the host have which this one needs, or that it has itself. */
export function neededMounts(site: Site, placement: Placement): readonly string[] {
  const needed = new Set(placement.needs.map(({ component }) => component));
  const near = onHost(site, placement).filter(({ component }) => needed.has(component.name) || component.name === placement.component.name);
  return [...new Set(near.flatMap((one) => mountPaths(site, one)))];
}

/**
 * Directories of a host whose contents belong to one component, although others write them, too: its mounts and its shared
 * directories. Each is named with its component.
 */
export function sharedPlaces(site: Site, placement: Placement): readonly { readonly path: string; readonly component: string }[] {
  return onHost(site, placement).flatMap((one) => {
    const { name, directories } = one.component;
    const render = rendererOf(site, one);
    const shared = directories.filter((directory) => directory.shared).map(({ path }) => render(path));
    return [...mountPaths(site, one), ...shared].map((path) => ({ path, component: name }));
  });
}

function onHost({ topology }: Site, { host }: Placement): readonly Placement[] {
  return topology.placements.filter((other) => other.host.name === host.name);
}

function mountPaths(site: Site, placement: Placement): readonly string[] {
  const render = rendererOf(site, placement);
  return chosenMounts(site.topology, placement.component).map(({ path }) => render(path));
}
