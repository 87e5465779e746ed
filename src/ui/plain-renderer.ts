import type { Clock, Event } from '../core/index.ts';
import { describeEvent, formatAmount } from './describe-event.ts';
import { escapeControl } from './escape.ts';
import type { Renderer, TextSink } from './renderer.ts';

/** Milliseconds between two progress lines of one task. */
const PROGRESS_INTERVAL = 5_000;

/** Lines for logs and CI: one for each start and end, and for long tasks a progress line every few seconds. */
export class PlainRenderer implements Renderer {
  readonly #out: TextSink;
  readonly #clock: Clock;
  readonly #tasks = new Map<string, { title: string; total: number | undefined; unit: 'bytes' | 'items' | undefined; saidAt: number }>();

  constructor(out: TextSink, clock: Clock) {
    this.#out = out;
    this.#clock = clock;
  }

  handle(event: Event): void {
    if (event.type === 'task.started') {
      this.#tasks.set(event.id, { title: event.title, total: event.total, unit: event.unit, saidAt: this.#clock.monotonic() });
    }
    if (event.type === 'task.progress') this.#progress(event);
    if (event.type === 'task.finished') this.#tasks.delete(event.id);
    const line = describeEvent(event);
    if (line !== undefined) this.#line(line);
  }

  pause(): void {}

  finish(): void {}

  #progress(event: Extract<Event, { type: 'task.progress' }>): void {
    const task = this.#tasks.get(event.id);
    if (task === undefined) return;
    const now = this.#clock.monotonic();
    if (now - task.saidAt < PROGRESS_INTERVAL) return;
    task.saidAt = now;
    const total = event.total ?? task.total;
    const percent =
      total === undefined || total === 0 ? '' : ` of ${formatAmount(total, task.unit)} (${Math.floor((event.done / total) * 100)} %)`;
    this.#line(`${task.title}: ${formatAmount(event.done, task.unit)}${percent}`);
  }

  #line(text: string): void {
    this.#out.write(`${escapeControl(text)}\n`);
  }
}
