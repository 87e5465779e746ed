import type { Event } from '../core/index.ts';
import type { Renderer, TextSink } from './renderer.ts';

/** Events as JSON lines, for programs. */
export class JsonRenderer implements Renderer {
  readonly #out: TextSink;

  constructor(out: TextSink) {
    this.#out = out;
  }

  handle(event: Event): void {
    this.#out.write(`${JSON.stringify(event)}\n`);
  }

  pause(): void {}

  finish(): void {}
}
