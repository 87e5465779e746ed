import type { Event } from '../core/index.ts';

/** Where text goes; process.stderr and process.stdout satisfy it. */
export interface TextSink {
  write(text: string): unknown;
}

/** Turns events into something people or programs read. */
export interface Renderer {
  handle(event: Event): void;
  /** Leaves the terminal to a question: writes nothing until the next event. */
  pause(): void;
  /** Ends open displays. Nothing is written afterwards. */
  finish(): void;
}
