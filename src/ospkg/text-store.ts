/** Size of a block; a longer text gets one of its own. */
const BLOCK = 256 * 1024;

/** A growing list of numbers below 2³². */
export class NumberList {
  #values = new Uint32Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Uint32Array(this.#length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length++] = value;
  }

  at(index: number): number {
    const value = index < this.#length ? this.#values[index] : undefined;
    if (value === undefined) throw new RangeError(`there is no number ${index} in a list of ${this.#length}`);
    return value;
  }
}

/**
 * Texts of one byte a character (latin1), kept outside of the heap: a hundred thousand of them cost their bytes, and no time
 * of the garbage collector.
 */
export class TextStore {
  readonly #blocks: Buffer[] = [];
  #used = 0;
  readonly #block = new NumberList();
  readonly #start = new NumberList();
  readonly #end = new NumberList();

  get length(): number {
    return this.#end.length;
  }

  push(text: string): void {
    let block = this.#blocks.at(-1);
    if (block === undefined || this.#used + text.length > block.byteLength) {
      block = Buffer.allocUnsafeSlow(Math.max(BLOCK, text.length));
      this.#blocks.push(block);
      this.#used = 0;
    }
    this.#block.push(this.#blocks.length - 1);
    this.#start.push(this.#used);
    this.#used += block.write(text, this.#used, 'latin1');
    this.#end.push(this.#used);
  }

  at(index: number): string {
    return this.#blocks[this.#block.at(index)]?.toString('latin1', this.#start.at(index), this.#end.at(index)) ?? '';
  }
}
