import { createHash } from 'node:crypto';
import { renderData, renderTemplate, secretName, valueNames, type HostName, type Scope } from '../manifests/index.ts';
import type { NodeSpec } from './cluster-spec.ts';
import { addressAt, urlAddress } from './networks.ts';
import { optionScope } from './option-scope.ts';
import { isWrittenChoice } from './options.ts';
import { isJoiner, type Topology } from './topology.ts';

export interface ScopeOptions {
  /** The component whose templates are rendered. Without it, ${component.X} and ${value.X} are unknown. */
  readonly component?: string;
  /** Values of ${secret.NAME}, including those of options. Given for template files only. */
  readonly secrets?: Readonly<Record<string, string>>;
}

/**
 * Returns every value that templates for one host can name. Throws InvalidInputError when an item of `values` names an
 * unknown value.
 */
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
      origin: isJoiner(topology, name, host.name) ? 'joined' : 'founding',
    },
  };
  return { ...scope, value: valueScope(topology, name, host, scope) };
}

function sharedScope(topology: Topology, host: NodeSpec): Scope {
  const node = { ...hostScope(host), uuid: nodeUuid(topology.spec.name, host.name), roles: host.roles.toSorted().join(',') };
  return { ...clusterScope(topology), node };
}

/** A plan asks for the scope of each component on each host, and this part of it is the same for all. */
const clusterScopes = new WeakMap<Topology, Scope>();

function clusterScope(topology: Topology): Scope {
  const known = clusterScopes.get(topology);
  if (known !== undefined) return known;
  const { spec, platform, variables } = topology;
  const scope: Scope = {
    var: variables,
    cluster: { name: spec.name, domain: spec.domain, ...(platform.registry === undefined ? {} : { registry: platform.registry.name }) },
    depot: { name: spec.depot.name, port: spec.depot.port, endpoint: `${spec.depot.name}:${spec.depot.port}` },
    network: {
      podCIDR: spec.network.podCIDR,
      serviceCIDR: spec.network.serviceCIDR,
      serviceAddress: addressAt(spec.network.serviceCIDR, 1),
      dnsAddress: addressAt(spec.network.serviceCIDR, 10),
    },
    option: optionScope(topology.manifests.platform.options, topology.options),
    first: Object.fromEntries(
      topology.components.flatMap(({ name }) => {
        const first = topology.first(name);
        return first === undefined ? [] : [[name, hostScope(first)]];
      }),
    ),
  };
  clusterScopes.set(topology, scope);
  return scope;
}

/**
 * Returns an empty value for each secret of a choice that was not chosen and of a component that is not in the cluster.
 * A secret of a chosen choice or of a component of the cluster is not among them: the caller must give it, or its name is
 * unknown.
 */
function unusedSecrets({ manifests, options, components }: Topology): Scope {
  const taken = new Set([...options.secrets, ...components.flatMap(({ secrets }) => secrets)].map(({ name }) => name));
  const names = [
    ...manifests.platform.options.flatMap((option) => valueNames(option).secret.map((value) => secretName(option.name, value))),
    ...[...manifests.components.values()].flatMap(({ secrets }) => secrets.map(({ name }) => name)),
  ];
  return Object.fromEntries(names.filter((name) => !taken.has(name)).map((name) => [name, '']));
}

function valueScope(topology: Topology, component: string, host: NodeSpec, scope: Scope): Scope {
  const values = topology.manifests.components.get(component)?.values ?? {};
  return Object.fromEntries(Object.keys(values).map((name) => [name, valueFor(topology, component, host, name, scope)]));
}

/**
 * Renders one item of `values`. With `keep`, a host that is a member already gets the recorded value, and a joiner gets
 * the value for the hosts before it and itself only.
 */
function valueFor(topology: Topology, component: string, host: NodeSpec, name: string, scope: Scope): string {
  const value = topology.manifests.components.get(component)?.values[name];
  if (value === undefined) throw new Error(`component ${component} has no value ${name}`);
  const where = `value ${name} of ${component}`;
  if (value.each === undefined)
    return clusterAlerts(topology)
      .map((alert) => renderTemplate(value.as, { ...scope, alert }, where))
      .join(value.join);
  const { recorded } = topology;
  if (!isWrittenChoice(value.when, topology.manifests.platform.options, topology.spec.options)) return '';
  const known = recorded.values[valueKey(component, host.name, name)];
  const hosts = topology.hostsOf(value.each);
  if (value.keep && known !== undefined && isMember(topology, component, host.name)) return known;
  const own = hosts.findIndex((other) => other.name === host.name);
  const counted = value.keep && own >= 0 && isJoiner(topology, component, host.name) ? hosts.slice(0, own + 1) : hosts;
  return (value.first ? counted.slice(0, 1) : counted)
    .map((other, index) => renderTemplate(value.as, { ...scope, each: { ...hostScope(other), index } }, where))
    .join(value.join);
}

/**
 * The alerts of all components of the cluster, by name of the component, with their texts filled in. They know the cluster and
 * the number of hosts of their component, and no host.
 */
function clusterAlerts(topology: Topology): readonly Scope[] {
  const byName = topology.components.toSorted((left, right) => (left.name < right.name ? -1 : 1));
  return byName.flatMap(({ name: component, alerts }) => {
    const scope = { ...clusterScope(topology), component: { name: component, count: topology.hostsOf(component).length } };
    return alerts.map((alert) => ({ ...renderData(alert, scope, `alert ${alert.name} of ${component}`), component }));
  });
}

/**
 * True when the host may have a recorded value. Components with `placement: every` have no recorded hosts, so each of
 * their hosts counts as a member.
 */
function isMember({ recorded, manifests }: Topology, component: string, host: string): boolean {
  return manifests.components.get(component)?.placement === 'every' || (recorded.placements[component] ?? []).includes(host);
}

function valueKey(component: string, host: string, value: string): string {
  return `${component}/${host}/${value}`;
}

/** Returns the current value of every item with `keep`, by COMPONENT/HOST/VALUE, for the record of the site. */
export function keptValues(topology: Topology): Readonly<Record<string, string>> {
  return Object.fromEntries(
    topology.placements.flatMap(({ component, host }) => {
      const scope = scopeFor(topology, host, { component: component.name });
      return Object.entries(component.values)
        .filter(([, { keep }]) => keep)
        .map(([name]): [string, string] => [
          valueKey(component.name, host.name, name),
          valueFor(topology, component.name, host, name, scope),
        ]);
    }),
  );
}

function hostScope(host: NodeSpec): Record<HostName, string> {
  return { name: host.name, address: host.address, urlAddress: urlAddress(host.address) };
}

/** Namespace of node ids: a UUID that was generated once at random. */
const NODE_NAMESPACE = Buffer.from('6f1d2c0ab7e54a0c9c53d7f0a4f3b8e1', 'hex');

/** Returns a UUID (version 5, RFC 9562 section 5.5) that is always the same for the same cluster and node. */
export function nodeUuid(cluster: string, node: string): string {
  const bytes = createHash('sha1').update(NODE_NAMESPACE).update(`${cluster}/${node}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
