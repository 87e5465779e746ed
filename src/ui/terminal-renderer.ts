import type { Writable } from 'node:stream';
import { MultiBar, type SingleBar } from 'cli-progress';
import type { Event } from '../core/index.ts';
import { describeEvent, formatAmount } from './describe-event.ts';
import { escapeControl } from './escape.ts';
import type { Renderer } from './renderer.ts';

interface Task {
  readonly bar: SingleBar | undefined;
  readonly unit: 'bytes' | 'items' | undefined;
}

/** A bar for each running task with a known size; everything else as lines above the bars. */
export class TerminalRenderer implements Renderer {
  readonly #bars: MultiBar;
  readonly #tasks = new Map<string, Task>();

  constructor(stream: Writable) {
    this.#bars = new MultiBar({
      stream,
      clearOnComplete: true,
      hideCursor: true,
      emptyOnZero: true,
      autopadding: true,
      fps: 8,
      format: '{title}  {bar}  {percentage} %  {amount}',
    });
  }

  handle(event: Event): void {
    switch (event.type) {
      case 'task.started':
        this.#start(event);
        return;
      case 'task.progress':
        this.#progress(event);
        return;
      case 'task.finished':
        this.#stop(event.id);
        break;
      case 'step.started':
        return;
      case 'step.finished':
      case 'retry':
      case 'warning':
      case 'note':
        break;
    }
    const line = describeEvent(event);
    if (line !== undefined) this.#bars.log(`${escapeControl(line)}\n`);
    this.#bars.update();
  }

  pause(): void {
    this.#bars.stop();
  }

  finish(): void {
    for (const id of [...this.#tasks.keys()]) this.#stop(id);
    this.#bars.stop();
  }

  #start(event: Extract<Event, { type: 'task.started' }>): void {
    const total = event.total;
    const bar = total === undefined || total === 0 ? undefined : this.#bars.create(total, 0, payload(event.title, 0, total, event.unit));
    this.#tasks.set(event.id, { bar, unit: event.unit });
    if (bar === undefined) this.#bars.log(`${escapeControl(event.title)} …\n`);
  }

  #progress(event: Extract<Event, { type: 'task.progress' }>): void {
    const { bar, unit } = this.#tasks.get(event.id) ?? {};
    if (bar === undefined) return;
    if (event.total !== undefined) bar.setTotal(event.total);
    bar.update(event.done, { amount: amountText(event.done, event.total ?? bar.getTotal(), unit) });
  }

  #stop(id: string): void {
    const bar = this.#tasks.get(id)?.bar;
    this.#tasks.delete(id);
    if (bar !== undefined) this.#bars.remove(bar);
  }
}

function payload(title: string, done: number, total: number, unit: 'bytes' | 'items' | undefined): Record<string, string> {
  return { title: escapeControl(title), amount: amountText(done, total, unit) };
}

function amountText(done: number, total: number, unit: 'bytes' | 'items' | undefined): string {
  return `${formatAmount(done, unit)} of ${formatAmount(total, unit)}`;
}
