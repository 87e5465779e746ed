import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { start } from './benchmark.ts';

/** What one run of a command cost, its children included where they ended before it. */
export interface Measured {
  readonly wallMs: number;
  /** User and system time of all its threads. */
  readonly cpuMs: number;
  /** Peak resident memory in bytes (VmHWM) of the process itself. */
  readonly peakBytes: number;
  /** Bytes handed to write calls of any kind: files, pipes and sockets. */
  readonly writtenBytes: number;
  /** Bytes of pages that were made dirty, so that the disk has to take them. 0 on a file system in memory. */
  readonly dirtiedBytes: number;
  readonly stdout: string;
}

export interface MeasureOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Linux counts processor time in these ticks for every process, whatever the kernel's own are. */
const TICKS_PER_SECOND = 100;
const SAMPLE_MS = 20;

/**
 * Runs a command to its end. Counters come from the kernel, which adds those of a child that has ended to its parent's;
 * the peak is a high-water mark, read every 20 ms: only growth in the last 20 ms can be missed. Throws when it fails.
 */
export async function measure(argv: readonly string[], options: MeasureOptions = {}): Promise<Measured> {
  const before = childCounters();
  const started = performance.now();
  const child = start(argv, { stdio: ['ignore', 'pipe', 'pipe'], cwd: options.cwd, env: { ...process.env, ...options.env } });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  let peakBytes = 0;
  const sampler = setInterval(() => {
    peakBytes = Math.max(peakBytes, peakOf(child.pid));
  }, SAMPLE_MS);
  let wallMs = 0;
  child.once('exit', () => {
    wallMs = performance.now() - started;
  });
  try {
    const [status] = (await once(child, 'close')) as [number | null];
    if (status !== 0) throw new Error(`"${argv.join(' ')}" ended with status ${status}:\n${Buffer.concat(stderr).toString().slice(-4000)}`);
  } finally {
    clearInterval(sampler);
  }
  const after = childCounters();
  return {
    wallMs,
    cpuMs: after.cpuMs - before.cpuMs,
    peakBytes,
    writtenBytes: after.written - before.written,
    dirtiedBytes: after.dirtied - before.dirtied,
    stdout: Buffer.concat(stdout).toString(),
  };
}

/** Peak resident memory of a running process in bytes; 0 when it is gone. */
export function peakOf(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Processor time of a running process in milliseconds. */
export function cpuOf(pid: number | undefined): number {
  const [user, system] = statFields(String(pid), 14);
  return ((user + system) * 1000) / TICKS_PER_SECOND;
}

/** Processor time since a process was started, in milliseconds. */
export interface ProcessCost {
  readonly ownMs: number;
  /** That of its children, and of theirs, that have ended and were waited for. */
  readonly childrenMs: number;
}

/** Throws when there is no such process. */
export function costOf(pid: number): ProcessCost {
  const sum = (first: number): number => statFields(String(pid), first).reduce((total, ticks) => total + ticks, 0);
  return { ownMs: (sum(14) * 1000) / TICKS_PER_SECOND, childrenMs: (sum(16) * 1000) / TICKS_PER_SECOND };
}

/** Memory of a running process at this moment, in bytes. */
export interface ProcessMemory {
  readonly resident: number;
  /** The part of it that is not pages of files: heap, stacks and the like. */
  readonly anonymous: number;
  /** Pages that several processes share count by their part. */
  readonly proportional: number;
}

/** Throws when there is no such process. */
export function memoryOf(pid: number): ProcessMemory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const field = (text: string, name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(text)?.[1]) * 1024;
  return { resident: field(status, 'VmRSS'), anonymous: field(status, 'RssAnon'), proportional: field(rollup, 'Pss') };
}

/** Of this process with all children that have ended: processor time is theirs alone, writes are its own too, which are few. */
function childCounters(): { readonly cpuMs: number; readonly written: number; readonly dirtied: number } {
  const io = readFileSync('/proc/self/io', 'utf8');
  const counter = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(io)?.[1]);
  const [user, system] = statFields('self', 16);
  return { cpuMs: ((user + system) * 1000) / TICKS_PER_SECOND, written: counter('wchar'), dirtied: counter('write_bytes') };
}

/** Two neighbouring fields of /proc/PID/stat by their number in proc(5). The name in field 2 may hold spaces. */
function statFields(pid: string, first: number): [number, number] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return [Number(fields[first - 3]), Number(fields[first - 2])];
}
