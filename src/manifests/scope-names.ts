import { secretName, valueNames, type PlatformOption } from './option.ts';

/** What is known of a host: ${first.COMPONENT.address}, ${node.name}. */
export const HOST_NAMES = ['name', 'address', 'urlAddress'] as const;

export type HostName = (typeof HOST_NAMES)[number];

/** Names that every template may use. */
export const GLOBAL_NAMES: readonly string[] = [
  ...HOST_NAMES.map((name) => `node.${name}`),
  'node.uuid',
  'node.roles',
  'cluster.name',
  'cluster.domain',
  'cluster.registry',
  'depot.name',
  'depot.port',
  'depot.endpoint',
  'network.podCIDR',
  'network.serviceCIDR',
];

/** Names that the options of the platform add, for every text of a component. */
export function optionNames(options: readonly PlatformOption[]): string[] {
  return options.flatMap((option) => ['choice', ...valueNames(option).open].map((value) => `option.${option.name}.${value}`));
}

/** Names that the options of the platform add for template files. */
export function optionSecretNames(options: readonly PlatformOption[]): string[] {
  return options.flatMap((option) => valueNames(option).secret.map((value) => `secret.${secretName(option.name, value)}`));
}

/** Names that depend on the component a template belongs to. */
export const COMPONENT_NAMES: readonly string[] = ['component.name', 'component.index', 'component.count', 'component.origin'];

/** Names inside actions: the host that the action runs on. */
export const RUNNER_NAMES: readonly string[] = HOST_NAMES.map((name) => `runner.${name}`);

/** Names inside the items of `values`. */
export const EACH_NAMES: readonly string[] = [...HOST_NAMES.map((name) => `each.${name}`), 'each.index'];
