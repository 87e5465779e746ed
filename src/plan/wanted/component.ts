import type { Placement } from '../../cluster/index.ts';
import { digestOfAll, type Resource } from '../../resources/index.ts';
import type { Declared } from '../declared.ts';
import { componentFiles, onChangePaths, type ComponentFiles } from './component-files.ts';
import { artifactResources, imageResources } from './images.ts';
import { certificateResource, directoryResource, fileResource, keyPairResource, type At } from './make.ts';
import { chosenMounts, sharedPlaces } from './mounts.ts';
import { packageResources } from './packages.ts';
import { rendererOf, type Renderer } from './renderer.ts';
import { serviceDefinition } from './service-document.ts';

/** All resources of a component on one of its hosts. */
export async function componentResources(declared: Declared, placement: Placement): Promise<readonly Resource[]> {
  const { component, host } = placement;
  const at: At = { host: host.name, owner: component.name };
  const render = rendererOf(declared, placement);
  const files = await componentFiles(declared, placement, render);
  return [
    ...systemResources(placement, at, render),
    ...mountResources(declared, placement, at, render),
    ...directoryResources(declared, placement, at, render),
    ...fileResources(at, component.name, files),
    ...packageResources(declared, host, at, component.packageSets),
    ...imageResources(declared, placement, at),
    ...artifactResources(declared, placement, at, render),
    ...unitResources(placement, at, files),
    serviceDefinition(declared, placement, at, { files, render }),
  ];
}

/** Users, kernel modules, sysctls and routes of a component. */
function systemResources({ component }: Placement, at: At, render: Renderer): readonly Resource[] {
  return [
    ...component.users.map(({ name, id, home }): Resource => ({
      ...at,
      kind: 'user',
      key: name,
      digest: digestOfAll([id, home]),
      spec: { id, home: render(home) },
    })),
    ...component.modules.map((name): Resource => ({ ...at, kind: 'module', key: name, digest: digestOfAll([name]), spec: {} })),
    ...Object.entries(component.sysctls).map(([name, text]): Resource => {
      const value = render(text);
      return { ...at, kind: 'sysctl', key: name, digest: digestOfAll([value]), spec: { value } };
    }),
    ...component.routes.map(({ to, via }): Resource => {
      const spec = { via: render(via) };
      return { ...at, kind: 'route', key: render(to), digest: digestOfAll([spec.via]), spec };
    }),
  ];
}

/** Mounts of a component, with the directories that they are mounted on. The file system that is mounted decides their mode and owner. */
function mountResources({ topology }: Declared, { component }: Placement, at: At, render: Renderer): readonly Resource[] {
  return chosenMounts(topology, component).flatMap(({ path, what, type, options }): Resource[] => {
    const key = render(path);
    const spec = { what: render(what), type, options: render(options) };
    return [
      directoryResource(at, key, { mode: 0o755, isParent: true }),
      { ...at, kind: 'mount', key, digest: digestOfAll([spec.what, type, spec.options]), spec },
    ];
  });
}

/**
 * Directories of a component. One in a place that other components share is not its own to purge, and the place itself belongs to the
 * component that shares it.
 */
function directoryResources(declared: Declared, placement: Placement, at: At, render: Renderer): readonly Resource[] {
  const { component } = placement;
  const places = sharedPlaces(declared, placement);
  return component.directories.flatMap(({ path, mode, owner, shared }): Resource[] => {
    const key = render(path);
    const inside = places.find((place) => !(shared && place.component === component.name) && isAtOrBelow(key, place.path));
    if (inside?.path === key) return [];
    const contents = inside === undefined ? 'data' : 'shared';
    return [directoryResource(at, key, { mode: Number.parseInt(mode, 8), owner, contents })];
  });
}

function isAtOrBelow(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`);
}

function fileResources(at: At, component: string, { files, certificates, keyPairs }: ComponentFiles): readonly Resource[] {
  return [
    ...files.map(({ file }) => fileResource(at, file)),
    ...certificates.map(({ name, files: parts }) => certificateResource(at, `${component}/${name}`, parts)),
    ...keyPairs.map(({ name, files: parts }) => keyPairResource(at, `${component}/${name}`, parts)),
  ];
}

/** Units that come with packages and read files of the component. */
function unitResources({ component }: Placement, at: At, files: ComponentFiles): readonly Resource[] {
  return component.services.flatMap(({ unit, sockets, afterRemoval }): Resource[] => {
    if (unit === undefined) return [];
    const spec = {
      restartOn: onChangePaths(files, 'restart'),
      reloadOn: onChangePaths(files, 'reload'),
      ...(sockets.length === 0 ? {} : { sockets }),
      ...(afterRemoval === undefined ? {} : { afterRemoval }),
    };
    return [{ ...at, kind: 'unit', key: unit.includes('.') ? unit : `${unit}.service`, digest: digestOfAll([unit]), spec }];
  });
}
