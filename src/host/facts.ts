import { CaissonError, type Clock } from '../core/index.ts';
import { FACTS_SCRIPT } from './facts-script.ts';
import type { Host } from './host.ts';
import { parseAddresses, parseHostNames, parseRoutes, type HostNameEntry } from './network-facts.ts';
import { runChecked } from './run-checked.ts';
import { parseSockets, type ListeningSocket } from './socket-facts.ts';

export interface FileSystemFacts {
  /** Mount point. */
  readonly mount: string;
  readonly device: string;
  readonly sizeBytes: number;
  /** Bytes that a process without root rights may still write. */
  readonly freeBytes: number;
}

interface SelinuxFacts {
  /** False when violations are logged and not prevented (permissive). */
  readonly isEnforcing: boolean;
  /** True when the host has the policy for containers. */
  readonly hasContainerPolicy: boolean;
}

/** Properties of a host, all observed at about the same time. */
export interface HostFacts {
  readonly hostname: string;
  /** ID and VERSION_ID of /etc/os-release. The version is empty for a rolling release. */
  readonly os: { readonly id: string; readonly version: string; readonly name: string };
  readonly kernel: string;
  /** Architecture as Go names it (amd64, arm64), or the kernel's name when Go's is not known here. */
  readonly architecture: string;
  /** Output of systemctl is-system-running (running, degraded, starting …); undefined when systemd does not run. */
  readonly systemd: string | undefined;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly swapBytes: number;
  /** vm.overcommit_memory. With 2, the kernel refuses the memory that databases request. */
  readonly overcommitMemory: number;
  /** Undefined where the kernel has no SELinux or it is disabled. */
  readonly selinux?: SelinuxFacts | undefined;
  readonly cgroupVersion: 1 | 2 | undefined;
  readonly machineId: string | undefined;
  /** UUID from the firmware. Hosts that are containers of one machine have the same one. */
  readonly productUuid: string | undefined;
  /** Entries of /etc/hosts. */
  readonly hostNames: readonly HostNameEntry[];
  /** Every address of every interface, including loopback. */
  readonly addresses: readonly string[];
  /** IPv4 networks that the host has a route to, in CIDR notation, without the default route. */
  readonly routes: readonly string[];
  readonly sockets: readonly ListeningSocket[];
  /** File systems by the paths that the caller asked for. */
  readonly fileSystems: ReadonlyMap<string, FileSystemFacts>;
  /**
   * Milliseconds from our clock to the host's clock. 0 when the host's time lies between our times before and after the
   * question.
   */
  readonly clockDifferenceMs: number;
}

export interface FactsOptions {
  readonly clock: Clock;
  /** Absolute paths whose file systems are reported. They need not exist yet. */
  readonly paths?: readonly string[];
  readonly signal?: AbortSignal;
}

const IDLE_TIMEOUT_MS = 30_000;

/**
 * Reads all facts of a host with one command. Throws CommandFailedError when the script fails, and HOST_FACTS_INVALID
 * for output that cannot be parsed.
 */
export async function gatherFacts(host: Host, options: FactsOptions): Promise<HostFacts> {
  const { clock, paths = [], signal } = options;
  const before = clock.now().getTime();
  const argv = ['/bin/sh', '-s', '--', ...paths];
  const result = await runChecked(
    host,
    { argv, input: FACTS_SCRIPT, idleTimeoutMs: IDLE_TIMEOUT_MS },
    signal === undefined ? {} : { signal },
  );
  const after = clock.now().getTime();
  return parseFacts(result.stdout, { host: host.name, before, after, paths });
}

export interface FactsContext {
  /** Name of the host, for errors. */
  readonly host: string;
  /** Milliseconds since the epoch on our clock, before and after the question. */
  readonly before: number;
  readonly after: number;
  readonly paths: readonly string[];
}

/** Parses the output of FACTS_SCRIPT. Throws HOST_FACTS_INVALID for a missing or malformed section. */
export function parseFacts(text: string, context: FactsContext): HostFacts {
  const sections = new Sections(text, context.host);
  if (!sections.has('end')) sections.fail('end', 'the answer is cut short');
  const memory = sections.get('meminfo');
  const cgroup = sections.optional('cgroup');
  return {
    hostname: sections.line('hostname', /^[^\s]+$/),
    os: parseOsRelease(sections),
    kernel: sections.line('kernel', /^\d+\.\d+/),
    architecture: goArchitecture(sections.line('machine', /^\w+$/)),
    systemd: sections.optional('systemd'),
    cpus: sections.number('cpus'),
    memoryBytes: kilobytes(memory, 'MemTotal') ?? sections.fail('meminfo', 'MemTotal is missing'),
    swapBytes: kilobytes(memory, 'SwapTotal') ?? 0,
    overcommitMemory: sections.number('overcommit'),
    selinux: parseSelinux(sections),
    cgroupVersion: cgroup === '2' ? 2 : cgroup === '1' ? 1 : undefined,
    machineId: sections.optional('machine-id'),
    productUuid: sections.optional('product-uuid')?.toLowerCase(),
    hostNames: parseHostNames(sections.get('hosts')),
    addresses: parseAddresses(sections.get('addresses')),
    routes: parseRoutes(sections.get('routes')),
    sockets: parseSockets(sections.get('sockets')),
    fileSystems: new Map(context.paths.map((path) => [path, parseFileSystem(sections, path)])),
    clockDifferenceMs: clockDifference(sections, context),
  };
}

class Sections {
  readonly #sections = new Map<string, string>();
  readonly #host: string;

  constructor(text: string, host: string) {
    this.#host = host;
    for (const part of text.split(/^@@ /m).slice(1)) {
      const end = part.indexOf('\n');
      const name = end < 0 ? part : part.slice(0, end);
      this.#sections.set(name, end < 0 ? '' : part.slice(end + 1));
    }
  }

  has(name: string): boolean {
    return this.#sections.has(name);
  }

  get(name: string): string {
    return this.#sections.get(name) ?? this.fail(name, 'it is missing');
  }

  optional(name: string): string | undefined {
    const text = this.get(name).trim();
    return text === '' ? undefined : text;
  }

  line(name: string, pattern: RegExp): string {
    const text = this.get(name).trim();
    return pattern.test(text) ? text : this.fail(name, `"${text.slice(0, 80)}" makes no sense`);
  }

  number(name: string): number {
    return Number(this.line(name, /^\d{1,15}$/));
  }

  fail(name: string, reason: string): never {
    throw new CaissonError('HOST_FACTS_INVALID', `Cannot read "${name}" of "${this.#host}": ${reason}`);
  }
}

/** os-release(5): assignments in shell syntax, with optional quotes. */
function parseOsRelease(sections: Sections): HostFacts['os'] {
  const text = sections.get('os-release');
  const valueOf = (name: string): string | undefined => {
    const match = new RegExp(`^${name}=(?:"([^"\\n]*)"|'([^'\\n]*)'|([^\\s"']*))\\s*$`, 'm').exec(text);
    return match === null ? undefined : (match[1] ?? match[2] ?? match[3] ?? '');
  };
  const id = valueOf('ID') ?? sections.fail('os-release', 'ID is missing');
  return { id, version: valueOf('VERSION_ID') ?? '', name: valueOf('PRETTY_NAME') ?? id };
}

function parseSelinux(sections: Sections): HostFacts['selinux'] {
  const [mode, ...policies] = sections.optional('selinux')?.split('\n') ?? [];
  return mode === undefined ? undefined : { isEnforcing: mode === '1', hasContainerPolicy: policies.includes('containers') };
}

function goArchitecture(machine: string): string {
  const names: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64', i686: '386', armv7l: 'arm' };
  return names[machine] ?? machine;
}

function kilobytes(meminfo: string, name: string): number | undefined {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo);
  return match === null ? undefined : Number(match[1]) * 1024;
}

/** Output of df -P -B1: device, size, used, free, percentage, mount point. Device and mount point may contain spaces. */
function parseFileSystem(sections: Sections, path: string): FileSystemFacts {
  const name = `filesystem ${path}`;
  const text = sections.get(name).trim();
  const [, device, size, free, mount] = /^(.+?)\s+(\d+)\s+\d+\s+(\d+)\s+\S+\s+(\/.*)$/.exec(text) ?? [];
  if (device === undefined || size === undefined || free === undefined || mount === undefined) {
    return sections.fail(name, `"${text.slice(0, 80)}" makes no sense`);
  }
  return { device, mount, sizeBytes: Number(size), freeBytes: Number(free) };
}

function clockDifference(sections: Sections, { before, after }: FactsContext): number {
  const [seconds = '', fraction = ''] = sections.line('time', /^\d{9,11}\.\d{1,9}$/).split('.');
  const time = Number(seconds) * 1000 + Math.floor(Number(`0.${fraction}`) * 1000);
  if (time < before) return time - before;
  return time > after ? time - after : 0;
}
