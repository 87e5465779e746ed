import type { Clock, Event } from '../core/index.ts';
import { describeEvent, formatAmount } from './describe-event.ts';
import { escapeControl } from './escape.ts';
import { Pace } from './pace.ts';
import type { Renderer, TextSink } from './renderer.ts';
import { formatRate, formatSpan } from './task-line.ts';

/** Milliseconds between two progress lines of one task. */
const PROGRESS_INTERVAL = 5_000;

interface Task {
  readonly title: string;
  readonly total: number | undefined;
  readonly unit: 'bytes' | 'items' | undefined;
  readonly pace: Pace;
  saidAt: number;
}

/**
 * Lines for logs and CI, each with the time (UTC): one for each start and end, and for long tasks a progress line every few seconds, with
 * rate and time left.
 */
export class PlainRenderer implements Renderer {
  readonly #out: TextSink;
  readonly #clock: Clock;
  readonly #tasks = new Map<string, Task>();

  constructor(out: TextSink, clock: Clock) {
    this.#out = out;
    this.#clock = clock;
  }

  handle(event: Event): void {
    if (event.type === 'task.started') {
      const now = this.#clock.monotonic();
      const { title, total, unit } = event;
      this.#tasks.set(event.id, { title, total, unit, pace: new Pace(now), saidAt: now });
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
    task.pace.add(now, event.done);
    if (now - task.saidAt < PROGRESS_INTERVAL) return;
    task.saidAt = now;
    const { title, unit, pace } = task;
    const total = event.total ?? task.total ?? 0;
    const rate = pace.perSecond(now);
    const left = pace.left(now, total);
    const parts = [
      total === 0 ? '' : ` of ${formatAmount(total, unit)} (${Math.floor((event.done / total) * 100)} %)`,
      rate === undefined ? '' : `, ${formatRate(rate, unit)}`,
      total === 0 || left === undefined ? '' : `, ${formatSpan(left)} left`,
    ];
    this.#line(`${title}: ${formatAmount(event.done, unit)}${parts.join('')}`);
  }

  #line(text: string): void {
    const time = this.#clock.now().toISOString().slice(11, 19);
    this.#out.write(`${time}Z ${escapeControl(text)}\n`);
  }
}
