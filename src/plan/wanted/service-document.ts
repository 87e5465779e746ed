import { posix } from 'node:path';
import { unitNameOf, wholeUnitName } from '../../agent/index.ts';
import { scopeFor, type Placement } from '../../cluster/index.ts';
import type { Digest } from '../../core/index.ts';
import { quoteCommand } from '../../host/index.ts';
import { formatYaml } from '../../io/index.ts';
import { renderData, type ComponentManifest, type ComponentService } from '../../manifests/index.ts';
import {
  fixedContent,
  mountUnitName,
  type Content,
  type ContainerEngine,
  type DefinitionSpec,
  type ResourceOf,
} from '../../resources/index.ts';
import type { Declared } from '../declared.ts';
import { filesDigest, type ComponentFiles } from './component-files.ts';
import { definitionResource, type At } from './make.ts';
import { neededMounts } from './mounts.ts';
import type { Renderer } from './renderer.ts';

/** The services of a component on a host, with their templates filled in. The scope of the templates has no secrets. */
export function componentServices({ topology }: Pick<Declared, 'topology'>, { component, host }: Placement): readonly ComponentService[] {
  const scope = scopeFor(topology, host, { component: component.name });
  return component.services.map((service) => renderData(service, scope, `service ${service.name} of ${component.name}`));
}

/** The file of service definitions that the agent reads for one component on one host. */
export function serviceDefinition(
  declared: Declared,
  placement: Placement,
  at: At,
  { files, render }: { readonly files: ComponentFiles; readonly render: Renderer },
): ResourceOf<'definition'> {
  const { engine } = declared.tools;
  const { component } = placement;
  const services = componentServices(declared, placement);
  const path = posix.join(declared.topology.platform.definitionsDirectory, `${component.name}.yaml`);
  const restart = filesDigest(files, 'restart');
  const mounts = neededMounts(declared, placement);
  const text = (digest: Digest): string => serviceDocument(component, services, { files: digest, engine, mounts });
  const content: Content =
    restart.digest === undefined ? { digest: undefined, read: async () => text(await restart.read()) } : fixedContent(text(restart.digest));
  const leavings = services.flatMap(({ name, process: program, afterRemoval }) =>
    program === undefined || afterRemoval === undefined ? [] : [{ service: name, argv: afterRemoval }],
  );
  return definitionResource(at, path, {
    mode: 0o644,
    content,
    services: services
      .filter(({ container, process: program }) => container !== undefined || program !== undefined)
      .map(({ name }) => name),
    containers: services.filter(({ container }) => container !== undefined).map(({ name }) => name),
    reload: reloadOf(services, files, engine, render),
    ...(leavings.length === 0 ? {} : { afterRemoval: leavings }),
  });
}

function reloadOf(
  services: readonly ComponentService[],
  files: ComponentFiles,
  engine: ContainerEngine | undefined,
  render: Renderer,
): DefinitionSpec['reload'] {
  const commands = services.flatMap(({ name, container, reload }): (readonly string[])[] => {
    if (reload === undefined) return [];
    if ('command' in reload) return [reload.command.map(render)];
    if (container === undefined) return [['systemctl', 'kill', '--signal', reload.signal, '--', name]];
    return [engineFor(name, engine).signal(name, reload.signal)];
  });
  return commands.length === 0 ? undefined : { ...filesDigest(files, 'reload'), commands };
}

/**
 * Formats a file of service definitions. `services` have their templates filled in. `files` is a digest over the files
 * whose change restarts the services: it is part of the text, so that the text changes with them. `mounts` are directories without
 * whose mounts no service starts, none by default.
 */
export function serviceDocument(
  component: Pick<ComponentManifest, 'name' | 'summary'>,
  services: readonly ComponentService[],
  options: DocumentOptions,
): string {
  const document = { version: '2.1', services: services.map((service) => definitionOf(service, options)) };
  return `# ${component.summary}. Written by caisson from the manifest of component "${component.name}"; changes are undone by the next install.\n${formatYaml(document)}`;
}

interface DocumentOptions {
  readonly files: Digest;
  readonly engine: ContainerEngine | undefined;
  readonly mounts?: readonly string[];
}

function definitionOf(service: ComponentService, options: DocumentOptions): Record<string, unknown> {
  const shared = {
    name: service.name,
    ...(service.endpoints.length === 0
      ? {}
      : { endpoints: service.endpoints.map(({ name, protocol, port }) => ({ name, protocol: protocol ?? '', port: String(port) })) }),
    ...(service.health === undefined ? {} : { health: healthOf(service) }),
  };
  const commands = commandsOf(service, options);
  if (commands === undefined) {
    const unit = service.mount === undefined ? wholeUnitName(service.unit ?? service.name) : mountUnitName(service.mount);
    return { ...shared, only_health_check: true, ...(unit === unitNameOf(service) ? {} : { unit }), start: 'none' };
  }
  return { ...shared, ...commands, type: 'simple', restart_policy: service.restartPolicy, restart_sec: String(service.restartSec) };
}

/** Lines for bash that end with an error where nothing is mounted on a directory. They do not touch it: its server may be gone. */
function mountGuards(mounts: readonly string[]): string {
  return mounts
    .map((path) => {
      const look = ['awk', '-v', `path=${path}`, '$5 == path { found = 1 } END { exit !found }', '/proc/self/mountinfo'];
      return `${quoteCommand(look)} || { ${quoteCommand(['echo', `nothing is mounted on ${path}`])} >&2; exit 1; }; `;
    })
    .join('');
}

/** Commands that run the service; undefined for a service that is only probed. */
function commandsOf(
  { name, container, process: program }: ComponentService,
  { files, engine, mounts = [] }: DocumentOptions,
): Record<string, unknown> | undefined {
  const guards = mountGuards(mounts);
  const mounted = mounts.map(mountUnitName);
  if (container !== undefined) {
    const runner = engineFor(name, engine);
    return {
      after: [runner.unit, ...mounted],
      pre_start: quoteCommand(runner.removeContainer(name)),
      start: guards + quoteCommand(['exec', ...runner.run(name, container, files)]),
      stop: quoteCommand(runner.stop(name, container)),
    };
  }
  if (program === undefined) return undefined;
  const environment = Object.entries({ ...program.environment, CAISSON_FILES: files }).map(([variable, value]) => `${variable}=${value}`);
  const directory = program.workingDirectory === undefined ? [] : [`--chdir=${program.workingDirectory}`];
  const start = guards + quoteCommand(['exec', 'env', ...directory, ...environment, ...program.command]);
  return { ...(mounted.length === 0 ? {} : { after: mounted }), start, ...(program.keepChildren ? { keep_children: true } : {}) };
}

/** Manifests of a platform without an engine have no containers: they are refused when they are loaded. */
function engineFor(service: string, engine: ContainerEngine | undefined): ContainerEngine {
  if (engine === undefined) throw new Error(`the service "${service}" is a container on hosts without an engine`);
  return engine;
}

function healthOf({ name, health, mount }: ComponentService): Record<string, unknown> {
  const onUnhealthy = health?.onUnhealthy ?? (mount === undefined ? undefined : 'start');
  return {
    name,
    model: health?.model,
    address: health?.address,
    time_interval: health?.timeInterval,
    max_errors_num: health?.maxErrorsNum,
    ...(health?.timeout === undefined ? {} : { timeout: health.timeout }),
    ...(health?.grace === undefined ? {} : { grace: health.grace }),
    ...(health?.status === undefined ? {} : { status: health.status }),
    ...(health?.certificates === undefined ? {} : { certificates: health.certificates }),
    ...(health?.socket === undefined ? {} : { socket: health.socket }),
    ...(onUnhealthy === undefined ? {} : { on_unhealthy: onUnhealthy }),
  };
}
