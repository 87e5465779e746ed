import type { ClusterSpec, NodeSpec } from '../cluster/index.ts';
import { CaissonError, formatDuration, messageOf } from '../core/index.ts';
import { HostPool, JumpHosts, type ConnectOptions, type Host } from '../host/index.ts';
import { REAL_MACHINES, type Machines } from '../site/index.ts';
import type { HostFinding } from './findings.ts';

export interface ConnectedHosts {
  readonly hosts: ReadonlyMap<string, Host>;
  /** What stands in the way of the nodes that are not among `hosts`, and of this machine as the seed. */
  readonly findings: readonly HostFinding[];
  /** The machine that this process runs on: a node, or the machine beside the cluster that `depot.address` names. */
  readonly seed: Host;
  close(): Promise<void>;
}

/** A login takes this long at most: connection, key, password, sudo. */
const LOGIN_TIMEOUT_MS = 60_000;

export interface ConnectHostsOptions extends ConnectOptions {
  /** Hosts that are connected at the same time; 32 when not given. */
  readonly hostsAtOnce?: number | undefined;
  /** For the login on each host; 60 s when not given. */
  readonly loginTimeoutMs?: number | undefined;
}

/**
 * Connects to every node once. Of these connections a limited number are open at any time, and what was closed is made again
 * when the host is used. A host that cannot be reached or trusted is a finding, so that the others can be looked
 * at, too; so is it when nothing says by which address nodes reach the seed, or when a seed beside the cluster would not
 * be worked on as root. The caller closes what is connected.
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
  // Its name must be none of a node.
  const seed = own ?? machines.openSeed({ name: spec.depot.name, address: spec.depot.address ?? '127.0.0.1' });
  // A node that could not be connected may be this machine: then nothing is known of the seed yet.
  if (own === undefined && findings.length === 0) findings.push(...(await besideProblems(spec, seed)));
  return {
    hosts,
    findings,
    seed,
    close: async () => {
      await Promise.all([...hosts.values()].map((host) => host.close()));
    },
  };
}

/** Connects to one node, or throws HOST_UNREACHABLE when the login has not ended in time. */
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
    // A login that ends after all leaves a connection that nobody uses.
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

/** What keeps this machine, which is no node, from being the seed. */
async function besideProblems(spec: ClusterSpec, seed: Host): Promise<readonly HostFinding[]> {
  if (spec.depot.address === undefined) {
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
