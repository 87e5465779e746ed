import { StringDecoder } from 'node:string_decoder';
import { CaissonError } from '../core/index.ts';

/** More than any command of ours prints; beyond it something is wrong, and memory is finite. */
export const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Text of one output stream, line by line while it comes, whole at the end. */
export class OutputCollector {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #parts: string[] = [];
  #pending = '';
  #size = 0;

  constructor(onLine?: (line: string) => void) {
    this.#onLine = onLine;
  }

  /** Throws LIMIT_EXCEEDED when the command does not stop talking. */
  add(bytes: Buffer): void {
    this.#size += bytes.length;
    if (this.#size > MAX_OUTPUT_BYTES) {
      throw new CaissonError('LIMIT_EXCEEDED', `Cannot read the output of a command: it is longer than ${MAX_OUTPUT_BYTES} bytes`);
    }
    this.#take(this.#decoder.write(bytes));
  }

  end(): string {
    this.#take(this.#decoder.end());
    if (this.#pending !== '') this.#onLine?.(this.#pending);
    this.#pending = '';
    return this.#parts.join('');
  }

  #take(text: string): void {
    this.#parts.push(text);
    if (this.#onLine === undefined) return;
    const lines = (this.#pending + text).split('\n');
    this.#pending = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line);
  }
}
