import type { ComponentManifest, ComponentService } from '../manifests/index.ts';
import { digestOf, type Digest } from '../core/index.ts';
import { quoteCommand } from '../host/index.ts';
import { formatYaml } from '../io/index.ts';
import { removeContainer, runContainer, stopContainer } from './container-command.ts';

/** The unit of the container engine, which every container starts after. */
const ENGINE = 'docker';

/**
 * The file of service definitions that the agent reads for one component on one host. `services` have their templates
 * filled in; `files` stands for the content of the component's files there.
 */
export function serviceDocument(component: ComponentManifest, services: readonly ComponentService[], files: Digest): string {
  const document = { version: '2.1', services: services.map((service) => definitionOf(service, files)) };
  return `# ${component.summary}. Written by caisson from the manifest of component "${component.name}"; changes are undone by the next install.\n${formatYaml(document)}`;
}

/** One digest for a set of files, whatever their order. */
export function filesDigest(files: readonly { readonly path: string; readonly content: string | Uint8Array }[]): Digest {
  const lines = files.map((file) => `${digestOf(file.content)}  ${file.path}`).sort();
  return digestOf(lines.join('\n'));
}

function definitionOf(service: ComponentService, files: Digest): Record<string, unknown> {
  const shared = {
    name: service.name,
    ...(service.endpoints.length === 0
      ? {}
      : { endpoints: service.endpoints.map(({ name, protocol, port }) => ({ name, protocol: protocol ?? '', port: String(port) })) }),
    ...(service.health === undefined ? {} : { health: healthOf(service) }),
  };
  const { container } = service;
  if (container === undefined) return { ...shared, only_health_check: true, start: 'none' };
  return {
    ...shared,
    after: [ENGINE],
    type: 'simple',
    pre_start: quoteCommand(removeContainer(service.name)),
    start: quoteCommand(['exec', ...runContainer(service.name, container, files)]),
    stop: quoteCommand(stopContainer(service.name, container)),
    restart_policy: service.restartPolicy,
    restart_sec: String(service.restartSec),
  };
}

function healthOf({ name, health }: ComponentService): Record<string, unknown> {
  return {
    name,
    model: health?.model,
    address: health?.address,
    time_interval: health?.timeInterval,
    max_errors_num: health?.maxErrorsNum,
  };
}
