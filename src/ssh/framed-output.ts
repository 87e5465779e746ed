import { randomBytes } from 'node:crypto';
import { OutputCollector } from '../host/index.ts';

/** Most bytes that are kept of the text before the mark. Messages quote that text. */
const MAX_BEFORE_BYTES = 64 * 1024;

/**
 * A mark that the host prints on both streams right before a command starts. It is passed in two halves, so that a
 * shell that echoes its command line does not print the whole mark.
 */
export interface Frame {
  readonly halves: readonly [string, string];
  readonly mark: Buffer;
}

export function makeFrame(): Frame {
  const halves = [randomBytes(8).toString('hex'), randomBytes(8).toString('hex')] as const;
  return { halves, mark: Buffer.from(`${halves.join('')}\n`) };
}

const PRINT_MARK = `printf '%s%s\\n' "$1" "$2"
printf '%s%s\\n' "$1" "$2" >&2
shift 2
exec "$@"
`;

/** Returns a command that prints the mark of the frame and then runs `argv` in its place. */
export function framed({ halves }: Frame, argv: readonly string[]): readonly string[] {
  return ['/bin/sh', '-c', PRINT_MARK, 'sh', ...halves, ...argv];
}

/** One output stream of a framed command. Only the bytes after the mark belong to the command. */
export class FramedOutput {
  readonly #mark: Buffer;
  readonly #collector: OutputCollector;
  #before = Buffer.alloc(0);
  #begun = false;

  constructor(frame: Frame, onLine?: (line: string) => void) {
    this.#mark = frame.mark;
    this.#collector = new OutputCollector(onLine);
  }

  /** True when the mark was read, so the command was started. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Adds bytes of the stream. Throws LIMIT_EXCEEDED when the command prints more than MAX_OUTPUT_BYTES. */
  add(bytes: Buffer): void {
    if (this.#begun) {
      this.#collector.add(bytes);
      return;
    }
    const all = Buffer.concat([this.#before, bytes]);
    const at = all.indexOf(this.#mark);
    if (at === -1) {
      this.#before = all.subarray(-MAX_BEFORE_BYTES);
      return;
    }
    this.#begun = true;
    this.#before = Buffer.alloc(0);
    this.#collector.add(all.subarray(at + this.#mark.length));
  }

  /** Returns the output of the command, or the text before the mark when the command was never started. */
  end(): string {
    return this.#begun ? this.#collector.end() : this.#before.toString('utf8');
  }
}
