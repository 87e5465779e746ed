import type { Clock, Event } from '../core/index.ts';
import type { Renderer, TextSink } from './renderer.ts';

/** Events as JSON lines, for programs, each with the time (ISO 8601, UTC). */
export class JsonRenderer implements Renderer {
  readonly #out: TextSink;

  readonly #clock: Clock;

  constructor(out: TextSink, clock: Clock) {
    this.#out = out;
    this.#clock = clock;
  }

  handle(event: Event): void {
    this.#out.write(`${JSON.stringify({ ...event, time: this.#clock.now().toISOString() })}\n`);
  }

  pause(): void {}

  finish(): void {}
}
