import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { hashRuns, type HashedFile, type HashTask, type Run, type RunResult } from './hash-runs.ts';

export interface HashPoolOptions {
  /** Threads; by default one for each core, at most eight. 0 works in the calling thread. */
  readonly workers?: number;
  readonly signal?: AbortSignal | undefined;
  /** Called at regular intervals and at the end with the number of bytes read so far. */
  readonly onProgress?: (bytes: number) => void;
}

const READ_SIZE = 1024 * 1024;
/** Most threads: more of them wait for the disk and cost memory. */
const MAX_WORKERS = 8;
/** Bytes from which a further thread saves time. */
const BYTES_WORTH_A_WORKER = 8 * 1024 * 1024;
const PROGRESS_MS = 200;

/** Reads and hashes runs of open files, which are read as if joined, on all cores, the largest first. Throws the signal's reason. */
export async function hashOnAllCores(
  files: readonly HashedFile[],
  runs: readonly Run[],
  options: HashPoolOptions,
): Promise<readonly (RunResult & { readonly run: Run })[]> {
  options.signal?.throwIfAborted();
  const sorted = runs.map((run) => ({ run, size: sizeOf(run) })).sort((left, right) => right.size - left.size);
  const task: HashTask = {
    files: files.map(({ path, fd, start, end }) => ({ path, fd, start, end })),
    runs: sorted.map(({ run }) => run),
    readSize: READ_SIZE,
    control: new SharedArrayBuffer(8),
    progress: new SharedArrayBuffer(8),
  };
  const total = sorted.reduce((sum, { size }) => sum + size, 0);
  const useful = total < BYTES_WORTH_A_WORKER ? 0 : Math.min(MAX_WORKERS, availableParallelism(), sorted.length);
  const results: RunResult[] = [];
  const stopWatching = watch(task, options);
  try {
    const workers = options.workers ?? useful;
    if (workers === 0) hashRuns(task, (result) => results.push(result));
    else await Promise.all(Array.from({ length: workers }, () => runWorker(task, (result) => results.push(result))));
  } finally {
    stopWatching();
  }
  options.signal?.throwIfAborted();
  return results.flatMap((result) => {
    const run = task.runs[result.index];
    return run === undefined ? [] : [{ ...result, run }];
  });
}

function sizeOf(run: Run): number {
  return run.pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/** Passes a stop on to the threads, and their progress back. */
function watch(task: HashTask, { signal, onProgress }: HashPoolOptions): () => void {
  const progress = new BigInt64Array(task.progress);
  const control = new Int32Array(task.control);
  const stop = (): void => void Atomics.store(control, 1, 1);
  const tell = (): void => onProgress?.(Number(Atomics.load(progress, 0)));
  const timer = setInterval(tell, PROGRESS_MS);
  signal?.addEventListener('abort', stop, { once: true });
  return () => {
    clearInterval(timer);
    signal?.removeEventListener('abort', stop);
    tell();
  };
}

/**
 * The source of the thread is the text of one function, so that no second file has to be found at run time: the same
 * works from sources, in one bundled file and in a single executable. (esbuild may wrap functions in __name.)
 */
const WORKER_SOURCE = `
const __name = (value) => value;
const { parentPort, workerData } = require('node:worker_threads');
(${hashRuns.toString()})(workerData, (result) => parentPort.postMessage(result));
`;

async function runWorker(task: HashTask, onResult: (result: RunResult) => void): Promise<void> {
  const worker = new Worker(WORKER_SOURCE, { eval: true, workerData: task, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 64 } });
  await new Promise<void>((resolve, reject) => {
    worker.on('message', onResult);
    worker.once('error', reject);
    worker.once('exit', (status) => (status === 0 ? resolve() : reject(new Error(`a hashing thread ended with status ${status}`))));
  });
}
