import { createHash } from 'node:crypto';
import { renderTemplate, secretName, valueNames, type HostName, type Scope } from '../manifests/index.ts';
import type { NodeSpec } from './cluster-spec.ts';
import { urlAddress } from './networks.ts';
import type { Topology } from './topology.ts';

export interface ScopeOptions {
  /** The component whose templates are filled in; without it there is no ${value.X}. */
  readonly component?: string;
  /** Filled in as ${secret.NAME}, those of options too; leave out for everything but files. */
  readonly secrets?: Readonly<Record<string, string>>;
}

/** Everything that templates for one host may name. */
export function scopeFor(topology: Topology, host: NodeSpec, options: ScopeOptions = {}): Scope {
  const shared = sharedScope(topology, host);
  const { component: name, secrets } = options;
  const withSecrets: Scope = secrets === undefined ? shared : { ...shared, secret: { ...unusedSecrets(topology), ...secrets } };
  if (name === undefined) return withSecrets;
  const hosts = topology.hostsOf(name);
  const scope: Scope = {
    ...withSecrets,
    component: {
      name,
      index: Math.max(
        0,
        hosts.findIndex((other) => other.name === host.name),
      ),
      count: hosts.length,
    },
  };
  return { ...scope, value: valueScope(topology, name, scope) };
}

function sharedScope(topology: Topology, host: NodeSpec): Scope {
  const { spec, platform, variables } = topology;
  return {
    var: variables,
    node: { ...hostScope(host), uuid: nodeUuid(spec.name, host.name), roles: host.roles.join(',') },
    cluster: { name: spec.name, domain: spec.domain, ...(platform.registry === undefined ? {} : { registry: platform.registry.name }) },
    depot: { name: spec.depot.name, port: spec.depot.port, endpoint: `${spec.depot.name}:${spec.depot.port}` },
    network: { podCIDR: spec.network.podCIDR, serviceCIDR: spec.network.serviceCIDR },
    option: optionScope(topology),
    first: Object.fromEntries(
      topology.components.flatMap(({ name }) => {
        const first = topology.first(name);
        return first === undefined ? [] : [[name, hostScope(first)]];
      }),
    ),
  };
}

/** Values of choices that were not taken are empty, so that a template may name them all the same. */
function optionScope({ manifests, options }: Topology): Scope {
  return Object.fromEntries(
    manifests.platform.options.map((option) => {
      const { choice = '', values = {} } = options.options.get(option.name) ?? {};
      const empty = Object.fromEntries(valueNames(option).open.map((name) => [name, '']));
      const filled = Object.entries(values).map(([name, value]) => [name, typeof value === 'object' ? value.join(',') : value]);
      return [option.name, { ...empty, ...Object.fromEntries(filled), choice }];
    }),
  );
}

/** Secrets of choices that were not taken. One of a choice that was taken must be given, or its name is unknown. */
function unusedSecrets({ manifests, options }: Topology): Scope {
  const taken = new Set(options.secrets.map(({ name }) => name));
  const names = manifests.platform.options.flatMap((option) => valueNames(option).secret.map((value) => secretName(option.name, value)));
  return Object.fromEntries(names.filter((name) => !taken.has(name)).map((name) => [name, '']));
}

function valueScope(topology: Topology, component: string, scope: Scope): Scope {
  const values = topology.manifests.components.get(component)?.values ?? {};
  return Object.fromEntries(
    Object.entries(values).map(([name, { each, as, join }]) => [
      name,
      topology
        .hostsOf(each)
        .map((host, index) => renderTemplate(as, { ...scope, each: { ...hostScope(host), index } }, `value ${name} of ${component}`))
        .join(join),
    ]),
  );
}

function hostScope(host: NodeSpec): Record<HostName, string> {
  return { name: host.name, address: host.address, urlAddress: urlAddress(host.address) };
}

/** Namespace of node ids: made once, at random. */
const NODE_NAMESPACE = Buffer.from('6f1d2c0ab7e54a0c9c53d7f0a4f3b8e1', 'hex');

/** The same for the same names always (UUID version 5, RFC 9562 section 5.5). */
export function nodeUuid(cluster: string, node: string): string {
  const bytes = createHash('sha1').update(NODE_NAMESPACE).update(`${cluster}/${node}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
