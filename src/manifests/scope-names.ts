import { secretName, valueNames, type PlatformOption } from './option.ts';

/** Properties of a host that templates can read, such as ${first.COMPONENT.address} and ${node.name}. */
export const HOST_NAMES = ['name', 'address', 'urlAddress'] as const;

export type HostName = (typeof HOST_NAMES)[number];

/** Names that every template can use, in addition to those of variables, options and first hosts. */
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
  'network.serviceAddress',
  'network.dnsAddress',
];

/** Names that the options of the platform add for every text of a component. */
export function optionNames(options: readonly PlatformOption[]): string[] {
  return options.flatMap((option) => ['choice', ...valueNames(option).open].map((value) => `option.${option.name}.${value}`));
}

/** Names of secrets that the options of the platform add, for template files only. */
export function optionSecretNames(options: readonly PlatformOption[]): string[] {
  return options.flatMap((option) => valueNames(option).secret.map((value) => `secret.${secretName(option.name, value)}`));
}

/** Names whose values depend on the component that a template belongs to. */
export const COMPONENT_NAMES: readonly string[] = ['component.name', 'component.index', 'component.count', 'component.origin'];

/** Names that only actions can use, for the host that the action runs on. */
export const RUNNER_NAMES: readonly string[] = HOST_NAMES.map((name) => `runner.${name}`);

/** Names that only backup and restore actions can use: the directory on the host for their file, and the path of the file. */
export const DATA_NAMES: readonly string[] = ['action.directory', 'action.file'];

/** Names that only the items of `values` can use, for the host of the item. */
export const EACH_NAMES: readonly string[] = [...HOST_NAMES.map((name) => `each.${name}`), 'each.index'];

/** Names that only the items of `values` over alerts can use, for the alert of the item. */
export const ALERT_NAMES: readonly string[] = ['name', 'component', 'expr', 'for', 'severity', 'summary'].map((name) => `alert.${name}`);

/** Names of the declaring component that the texts of its alerts can use. They are of no host, so that `node` and `value` are not among theirs. */
export const ALERT_COMPONENT_NAMES: readonly string[] = ['component.name', 'component.count'];

/** Names that only the actions of a secret's change can use: files with its two values on the host that the action runs on. */
export const SECRET_FILE_NAMES: readonly string[] = ['secretFile.old', 'secretFile.new'];
