import { StringDecoder } from 'node:string_decoder';
import { CaissonError } from '../core/index.ts';

/** Most bytes of output of one command. More is a fault of the command and would fill the memory. */
export const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Collects the text of one output stream. Passes on each line when it is complete; `end` returns the whole text. */
export class OutputCollector {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #parts: string[] = [];
  #pending = '';
  #size = 0;

  constructor(onLine?: (line: string) => void) {
    this.#onLine = onLine;
  }

  /** Adds bytes of the stream. Throws LIMIT_EXCEEDED above MAX_OUTPUT_BYTES. */
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
