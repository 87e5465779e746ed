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

  /** Indexes of the texts that contain `part`, in their order. */
  holding(part: string): readonly number[] {
    const found = new Set<number>();
    for (const [block, bytes] of this.#blocks.entries()) {
      for (let at = bytes.indexOf(part, 0, 'latin1'); at !== -1; at = bytes.indexOf(part, at + 1, 'latin1')) {
        const index = this.#indexAt(block, at);
        if (index !== undefined && at + part.length <= this.#end.at(index)) found.add(index);
      }
    }
    return [...found];
  }

  /** Index of the text that begins last at or before a place of a block; the rest of a block has none. */
  #indexAt(block: number, place: number): number | undefined {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const isAfter = this.#block.at(middle) > block || (this.#block.at(middle) === block && this.#start.at(middle) > place);
      if (isAfter) high = middle;
      else low = middle + 1;
    }
    return low === 0 || this.#block.at(low - 1) !== block ? undefined : low - 1;
  }

  at(index: number): string {
    return this.#blocks[this.#block.at(index)]?.toString('latin1', this.#start.at(index), this.#end.at(index)) ?? '';
  }
}
