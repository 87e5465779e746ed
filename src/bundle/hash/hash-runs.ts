/**
 * One piece of the file: `data` is hashed, `zeros` must be zero bytes, `header` was compared already. Pieces of a run
 * lie side by side.
 */
export interface Piece {
  readonly role: 'data' | 'zeros' | 'header';
  readonly length: number;
  readonly member: string;
}

/** A stretch of the file that one thread reads from start to end. */
export interface Run {
  readonly start: number;
  readonly pieces: readonly Piece[];
}

/** Hex digest of a data piece, whether a zeros piece is all zeros, null for a header. */
export type PieceResult = string | boolean | null;

export interface RunResult {
  readonly index: number;
  readonly results: readonly PieceResult[];
  /** Why reading stopped inside this run; the results end with the piece before. */
  readonly failure?: string;
}

/** A file that holds the bytes from `start` up to, not including, `end`. */
export interface HashedFile {
  readonly path: string;
  readonly fd: number;
  readonly start: number;
  readonly end: number;
}

export interface HashTask {
  /** In the order of their bytes. */
  readonly files: readonly HashedFile[];
  /** The largest first. */
  readonly runs: readonly Run[];
  readonly readSize: number;
  /** Int32: number of the next run, then non-zero to stop. */
  readonly control: SharedArrayBuffer;
  /** BigInt64: bytes read so far by all threads. */
  readonly progress: SharedArrayBuffer;
}

/**
 * Takes runs until none is left. This function is also the whole source of a worker thread (its text is passed on), so
 * it may use nothing but globals and its arguments.
 */
export function hashRuns(task: HashTask, report: (result: RunResult) => void): void {
  const { readSync } = process.getBuiltinModule('node:fs');
  const { createHash } = process.getBuiltinModule('node:crypto');
  const control = new Int32Array(task.control);
  const progress = new BigInt64Array(task.progress);
  const largest = Math.max(1, ...task.runs.slice(0, 1).map(({ pieces }) => pieces.reduce((sum, piece) => sum + piece.length, 0)));
  const buffer = Buffer.allocUnsafeSlow(Math.min(task.readSize, largest));
  const zeros = Buffer.alloc(4096);

  const isZero = (part: Uint8Array): boolean => {
    for (let at = 0; at < part.length; at += zeros.length) {
      const piece = part.subarray(at, at + zeros.length);
      if (zeros.compare(piece, 0, piece.length, 0, piece.length) !== 0) return false;
    }
    return true;
  };

  const read = (position: number, wanted: number): number => {
    const file = task.files.find(({ end }) => position < end);
    if (file === undefined) throw new Error(`the file ends at byte ${position}`);
    const length = Math.min(buffer.length, wanted, file.end - position);
    const found = readSync(file.fd, buffer, 0, length, position - file.start);
    if (found === 0) throw new Error(`"${file.path}" ends at byte ${position - file.start}`);
    return found;
  };

  for (;;) {
    const index = Atomics.add(control, 0, 1);
    const run = task.runs[index];
    if (run === undefined) return;
    const results: PieceResult[] = [];
    let failure: string | undefined;
    try {
      let position = run.start;
      let unread = run.pieces.reduce((sum, piece) => sum + piece.length, 0);
      let from = 0;
      let to = 0;
      for (const piece of run.pieces) {
        const hash = piece.role === 'data' ? createHash('sha256') : undefined;
        let allZero = true;
        for (let left = piece.length; left > 0;) {
          if (from === to) {
            if (Atomics.load(control, 1) !== 0) return;
            to = read(position, unread);
            from = 0;
            position += to;
            unread -= to;
            Atomics.add(progress, 0, BigInt(to));
          }
          const part = buffer.subarray(from, Math.min(to, from + left));
          if (hash !== undefined) hash.update(part);
          else if (piece.role === 'zeros' && allZero) allZero = isZero(part);
          from += part.length;
          left -= part.length;
        }
        if (hash !== undefined) results.push(hash.digest('hex'));
        else results.push(piece.role === 'zeros' ? allZero : null);
      }
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
    }
    report(failure === undefined ? { index, results } : { index, results, failure });
  }
}
