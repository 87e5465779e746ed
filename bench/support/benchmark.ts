import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { formatSize, parseSize } from '../../src/core/index.ts';

/** What a benchmark works with. */
export interface Bench {
  /** A directory of its own, removed when it ends. */
  readonly directory: string;
  /** The measured command up to its own arguments: an executable, or Node and main.js. */
  readonly caisson: readonly string[];
  /** How often each thing is measured. */
  readonly runs: number;
  /** Value of an option of this benchmark. */
  readonly option: (name: string) => string;
}

export interface BenchSettings {
  readonly title: string;
  /** Bytes that it writes at most, to refuse before rather than fail in the middle. */
  readonly room: number;
  readonly runs: number;
  /** Options besides the common ones, with their defaults. */
  readonly options?: Readonly<Record<string, string>>;
}

const children = new Set<ChildProcess>();

/**
 * Runs a benchmark: reads the command line, makes its directory, prints what machine this is, and removes the directory
 * and ends every child whatever happens.
 */
export async function benchmark(settings: BenchSettings, work: (bench: Bench) => Promise<void>): Promise<void> {
  const extra = settings.options ?? {};
  const { values } = parseArgs({
    options: {
      dir: { type: 'string', default: tmpdir() },
      main: { type: 'string', default: resolve(here(), '../main.js') },
      runs: { type: 'string', default: String(settings.runs) },
      ...Object.fromEntries(Object.entries(extra).map(([name, value]) => [name, { type: 'string' as const, default: value }])),
    },
  });
  const options = new Map<string, string>(Object.entries(values));
  const { dir } = values;
  const main = resolve(values.main);
  if (!existsSync(main)) throw new Error(`There is no "${main}": make it with npm run build, or name it with --main`);
  checkRoom(dir, settings.room);
  const directory = mkdtempSync(join(dir, 'caisson-bench-'));
  const stop = (signal: NodeJS.Signals): void => {
    cleanUp(directory);
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  console.log(`## ${settings.title}\n\n${machine()}\n`);
  try {
    await work({
      directory,
      caisson: main.endsWith('js') ? [process.execPath, main] : [main],
      runs: Number(values.runs),
      option: (name) => options.get(name) ?? '',
    });
    console.log(`\nLoad average at the end: ${load()}`);
  } finally {
    cleanUp(directory);
  }
}

/** Where the bundled benchmarks and programs lie. */
export function here(): string {
  return dirname(fileURLToPath(import.meta.url));
}

/** Starts a child that does not outlive the benchmark. */
export function start(argv: readonly string[], options: SpawnOptions): ChildProcess {
  const [program = '', ...rest] = argv;
  const child = spawn(program, rest, options);
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** A number of bytes from an option. Throws SIZE_INVALID. */
export function sizeOption(bench: Bench, name: string): number {
  return parseSize(bench.option(name));
}

function cleanUp(directory: string): void {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
}

function checkRoom(dir: string, room: number): void {
  const { bavail, bsize } = statfsSync(dir);
  if (bavail * bsize >= room) return;
  throw new Error(`"${dir}" has ${formatSize(bavail * bsize)} free, this benchmark needs ${formatSize(room)}: choose another --dir`);
}

function machine(): string {
  const processors = cpus();
  const name = /^model name\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? processors[0]?.model;
  const date = new Date().toISOString().slice(0, 10);
  return `${date}, ${processors.length} × ${name}, Linux ${release()}, Node ${process.version}, load average ${load()}`;
}

function load(): string {
  return loadavg()
    .map((value) => value.toFixed(1))
    .join(' ');
}
