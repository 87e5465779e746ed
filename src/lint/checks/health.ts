import type { Topology } from '../../cluster/index.ts';
import { InvalidInputError } from '../../core/index.ts';
import { healthCheckOf, type HealthCheck } from '../../health/index.ts';
import { isAddress, type ComponentService } from '../../manifests/index.ts';
import type { TriedCluster } from '../clusters.ts';
import { componentDocuments, type ComponentDocument } from '../component-documents.ts';
import { findingAt, type LintFinding } from '../finding.ts';
import { firstOfEach } from '../first-of-each.ts';
import { filled, scopeOf, type Placement } from '../scopes.ts';
import type { LintSubject } from '../subject.ts';

/** Health checks whose address is none, whose port no program of the host has there, or whose name no host knows. */
export function checkHealth(subject: LintSubject, clusters: readonly TriedCluster[]): readonly LintFinding[] {
  const components = new Map(componentDocuments(subject).map((component) => [component.manifest.name, component]));
  return firstOfEach(
    clusters.flatMap(({ topology }) =>
      topology.placements.flatMap((placement) => {
        const component = components.get(placement.component.name);
        return component === undefined ? [] : findingsOf(component, placement, topology);
      }),
    ),
  );
}

/** A text that cannot be filled in is a finding of another check. */
function findingsOf(component: ComponentDocument, placement: Placement, topology: Topology): readonly LintFinding[] {
  const { host } = placement;
  const services = component.manifest.services.flatMap((service, index) =>
    service.health === undefined ? [] : [{ health: service.health, index }],
  );
  const scope = services.length === 0 ? undefined : scopeOf(topology, placement);
  if (scope === undefined || scope instanceof InvalidInputError) return [];
  return services.flatMap(({ health, index }): readonly LintFinding[] => {
    const address = filled(health.address, scope);
    if (typeof address !== 'string') return [];
    const at = (level: LintFinding['level'], reason: string, remedy?: string, key = 'address'): LintFinding =>
      findingAt(component.loaded, ['services', index, 'health', key], { check: 'health', level, reason, remedy });
    const check = healthCheckOf(health.model, address);
    if ('mistake' in check) return [at('error', check.mistake, REMEDIES[health.model])];
    for (const key of ['status', 'certificates', 'socket'] as const) {
      const whole = healthCheckOf(health.model, address, { [key]: health[key] });
      if ('mistake' in whole) return [at('error', whole.mistake, undefined, key)];
    }
    return health.socket !== undefined ? [] : judge(check, { component, host, topology, text: health.address, at });
  });
}

const REMEDIES: Readonly<Record<NonNullable<ComponentService['health']>['model'], string>> = {
  http: 'write it as http://127.0.0.1:8080/health',
  tcp: 'write it as 127.0.0.1:8080, without a scheme',
  cmd: 'write a line for bash',
};

interface Probe {
  readonly component: ComponentDocument;
  readonly host: Placement['host'];
  readonly topology: Topology;
  /** The address as written. */
  readonly text: string;
  readonly at: (level: LintFinding['level'], reason: string, remedy?: string) => LintFinding;
}

function judge(check: HealthCheck, probe: Probe): readonly LintFinding[] {
  const target = targetOf(check);
  if (target === undefined) return [];
  const { host, topology, text, at } = probe;
  const name = target.host;
  if (isLocal(name, host)) return judgePort(target, probe);
  // A name that the site chooses is one of its own name servers.
  if (isAddress(name) || text.includes('${option.') || text.includes('${cluster.domain}') || knownNames(topology).has(name)) return [];
  const remedy = 'probe an address such as 127.0.0.1 or ${node.urlAddress}, or give the name to a component in hostNames of platform.yaml';
  return [at('warning', `no host of the cluster knows the name "${name}" by itself`, remedy)];
}

/** Asks whether a program of the host has the port, and at the address that is probed. */
function judgePort({ host: name, port }: Target, { component, host, topology, at }: Probe): readonly LintFinding[] {
  const own = component.manifest.name;
  const sides = topology.componentsOf(host.name).flatMap(({ name: by, ports, services }) => [
    ...ports.filter((one) => one.protocol === 'tcp' && one.port === port).map(({ address }) => ({ by, address })),
    // An endpoint says that the service listens, and not where.
    ...services
      .flatMap(({ endpoints }) => endpoints)
      .filter((one) => one.port === port)
      .map(() => ({ by, address: undefined })),
  ]);
  if (sides.length === 0) {
    return [
      at('warning', `no component of the host declares tcp port ${port}`, `add it to ports of "${own}", so that it is free at the install`),
    ];
  }
  const reached = sides.some(({ by, address }) => {
    const only = address === undefined ? undefined : addressOn(address, { topology, host, by });
    return only === undefined || ['0.0.0.0', '::'].includes(only) || isSameAddress(only, name, host);
  });
  const [side] = sides;
  if (reached || side?.address === undefined) return [];
  const remedy = `probe the address of the port, such as ${side.address.replace('.address}', '.urlAddress}')}:${port}, or remove it from the port`;
  return [at('error', `goes to "${name}", and "${side.by}" declares tcp port ${port} for ${side.address} alone`, remedy)];
}

interface Target {
  readonly host: string;
  readonly port: number;
}

function targetOf(check: HealthCheck): Target | undefined {
  if (check.model === 'cmd') return undefined;
  if (check.model === 'tcp') return { host: check.host, port: check.port };
  const { hostname, port, protocol } = new URL(check.url);
  const usual = protocol === 'https:' ? 443 : 80;
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? usual : Number(port) };
}

const LOOPBACK = /^(?:127\.|::1$|localhost$)/;

function isLocal(name: string, host: Placement['host']): boolean {
  return LOOPBACK.test(name) || name === host.address || name === host.name;
}

function isSameAddress(only: string, probed: string, host: Placement['host']): boolean {
  if (probed === 'localhost') return LOOPBACK.test(only);
  return only === probed || (probed === host.name && only === host.address);
}

function knownNames({ platform, spec }: Topology): ReadonlySet<string> {
  const declared = platform.hostNames.flatMap(({ names }) => names);
  return new Set([...declared, ...spec.nodes.map(({ name }) => name), spec.depot.name]);
}

/** The address that a component declares for its port; undefined where the text cannot be filled in. */
function addressOn(text: string, { topology, host, by }: Pick<Probe, 'topology' | 'host'> & { readonly by: string }): string | undefined {
  const component = topology.components.find(({ name }) => name === by);
  const scope = component === undefined ? undefined : scopeOf(topology, { component, host });
  if (scope === undefined || scope instanceof InvalidInputError) return undefined;
  const address = filled(text, scope);
  return typeof address === 'string' ? address : undefined;
}
