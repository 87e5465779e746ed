import { randomBytes } from 'node:crypto';
import { OutputCollector } from './output-collector.ts';

/** The most bytes that are kept of the text before the mark, for messages. */
const MAX_BEFORE_BYTES = 64 * 1024;

/**
 * A mark that the host prints right before a command starts, on both streams. It travels in two halves, so that a shell
 * that shows its command line does not print the mark.
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

/** The command that prints the mark of the frame and becomes `argv`. */
export function framed({ halves }: Frame, argv: readonly string[]): readonly string[] {
  return ['/bin/sh', '-c', PRINT_MARK, 'sh', ...halves, ...argv];
}

/** One output stream of a framed command: only what follows the mark is the command's. */
export class FramedOutput {
  readonly #mark: Buffer;
  readonly #collector: OutputCollector;
  #before = Buffer.alloc(0);
  #begun = false;

  constructor(frame: Frame, onLine?: (line: string) => void) {
    this.#mark = frame.mark;
    this.#collector = new OutputCollector(onLine);
  }

  /** The mark has come: the command was started. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Throws LIMIT_EXCEEDED when the command does not stop talking. */
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

  /** The output of the command; where it was never started, the text that was printed in its place. */
  end(): string {
    return this.#begun ? this.#collector.end() : this.#before.toString('utf8');
  }
}
