import type { ClusterSpec, NodeSpec } from '../cluster/index.ts';
import { CaissonError, formatDuration, messageOf } from '../core/index.ts';
import { HostPool, type Host } from '../host/index.ts';
import { JumpHosts, type ConnectOptions } from '../ssh/index.ts';
import { REAL_MACHINES, type Machines } from '../site/index.ts';
import type { HostFinding } from './findings.ts';

export interface ConnectedHosts {
  readonly hosts: ReadonlyMap<string, Host>;
  /** One finding for each node that is missing in `hosts`, and those of this machine as the seed. */
  readonly findings: readonly HostFinding[];
  /** The machine that this process runs on: a node, or a machine beside the cluster, which `depot.address` names. */
  readonly seed: Host;
  close(): Promise<void>;
}

/** Milliseconds that a login may take, with connection, key, password and sudo. */
const LOGIN_TIMEOUT_MS = 60_000;

export interface ConnectHostsOptions extends ConnectOptions {
  /** Most connections that are open at the same time; HOSTS_AT_ONCE by default. */
  readonly hostsAtOnce?: number | undefined;
  /** Milliseconds for the login on each host; 60 000 by default. */
  readonly loginTimeoutMs?: number | undefined;
  /** Name and address of this machine when it is none of the nodes; `depot.name` and `depot.address` by default. */
  readonly beside?: { readonly name: string; readonly address: string } | undefined;
}

/**
 * Connects to every node. At most `hostsAtOnce` connections stay open; a host whose connection was closed connects again
 * when it is used. Problems become findings, so that the other hosts can still be checked: a node that cannot be reached
 * or trusted, a seed beside the cluster without `depot.address` or root rights. The caller must call `close`.
 */
export async function connectHosts(
  spec: ClusterSpec,
  options: ConnectHostsOptions,
  machines: Machines = REAL_MACHINES,
): Promise<ConnectedHosts> {
  const pool = new HostPool(options.hostsAtOnce);
  const shared = { ...options, jumpHosts: options.jumpHosts ?? new JumpHosts() };
  const results = await Promise.allSettled(spec.nodes.map((node) => pool.open(async () => connectInTime(node, spec, shared, machines))));
  const hosts = new Map<string, Host>();
  const findings: HostFinding[] = [];
  for (const [index, result] of results.entries()) {
    const name = spec.nodes[index]?.name ?? '';
    if (result.status === 'fulfilled') hosts.set(name, result.value);
    else findings.push(findingOf(name, result.reason));
  }
  const own = [...hosts.values()].find((host) => host.local);
  // The name of the seed must differ from the names of all nodes.
  const { name = spec.depot.name, address } = options.beside ?? {};
  const seed = own ?? machines.openSeed({ name, address: spec.depot.address ?? address ?? '127.0.0.1' });
  // While a node is not connected, this machine may be that node, so it is not judged as a seed beside the cluster.
  if (own === undefined && findings.length === 0) findings.push(...(await besideProblems(spec.depot.address ?? address, seed)));
  return {
    hosts,
    findings,
    seed,
    close: async () => {
      await Promise.all([...hosts.values()].map((host) => host.close()));
    },
  };
}

/** Connects to one node. Throws HOST_UNREACHABLE when the login takes longer than `loginTimeoutMs`. */
async function connectInTime(node: NodeSpec, spec: ClusterSpec, options: ConnectHostsOptions, machines: Machines): Promise<Host> {
  const { loginTimeoutMs = LOGIN_TIMEOUT_MS, signal } = options;
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), loginTimeoutMs);
  const late = new Promise<never>((_, reject) => {
    deadline.signal.addEventListener('abort', () => reject(loginHangs(node, loginTimeoutMs)));
  });
  const signals = signal === undefined ? [deadline.signal] : [deadline.signal, signal];
  const connecting = machines.connect(node, spec.ssh, { ...options, signal: AbortSignal.any(signals) });
  try {
    return await Promise.race([connecting, late]);
  } catch (error) {
    // A login that succeeds after the timeout opens a connection that must be closed here.
    void connecting.then((host) => host.close()).catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function loginHangs({ name, address }: NodeSpec, timeoutMs: number): CaissonError {
  return new CaissonError('HOST_UNREACHABLE', `Cannot log in to "${name}": no end of the login within ${formatDuration(timeoutMs)}`, {
    hint: `Log in by hand and see what hangs there, sudo and the start files of the shell included: ssh -v ${address}`,
  });
}

/** Findings that prevent this machine, which is not a node, from being the seed. */
async function besideProblems(address: string | undefined, seed: Host): Promise<readonly HostFinding[]> {
  if (address === undefined) {
    return [
      {
        host: 'this machine',
        problem: 'it is none of the nodes, so nothing says by which address they reach it',
        remedy: 'Run the install on a node, or set depot.address in cluster.yaml to an address of this machine',
      },
    ];
  }
  const who = await seed.run({ argv: ['id', '-u'] });
  if (who.stdout.trim() === '0') return [];
  return [{ host: 'this machine', problem: 'this process is not root', remedy: 'Run the same command with sudo' }];
}

function findingOf(host: string, error: unknown): HostFinding {
  const remedy = error instanceof CaissonError ? error.hint : undefined;
  return { host, problem: messageOf(error), remedy: remedy ?? 'Check the address, that sshd runs, and that nothing filters the port' };
}
