import { clearScreenDown } from 'node:readline';
import type { Writable } from 'node:stream';
import { MultiBar, type SingleBar } from 'cli-progress';
import type { Clock, Event } from '../core/index.ts';
import { describeEvent } from './describe-event.ts';
import { escapeControl } from './escape.ts';
import { Pace } from './pace.ts';
import type { Renderer } from './renderer.ts';
import { formatSpan, listLine, taskLine } from './task-line.ts';

/** Columns of a terminal that does not tell its width. */
const DEFAULT_COLUMNS = 80;

interface Task {
  readonly title: string;
  readonly unit: 'bytes' | 'items' | undefined;
  readonly pace: Pace;
  bar: SingleBar | undefined;
  done: number;
  total: number;
  item?: string | undefined;
}

interface RunningStep {
  readonly text: string;
  readonly since: number;
}

/** A line with a bar for each running task with a known size, and one for the running steps; everything else as lines above these. */
export class TerminalRenderer implements Renderer {
  readonly #stream: Writable & { readonly columns?: number };
  readonly #clock: Clock;
  readonly #bars: MultiBar;
  readonly #tasks = new Map<string, Task>();
  readonly #steps = new Map<string, RunningStep>();
  #stepsBar: SingleBar | undefined;
  /** True when lines are to be written above the bars at the next redraw. */
  #hasLines = false;

  constructor(stream: Writable & { readonly columns?: number; readonly isTTY?: boolean }, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
    this.#bars = new MultiBar({
      stream,
      clearOnComplete: true,
      hideCursor: true,
      emptyOnZero: true,
      // Without this, cli-progress turns wrapping off, and the terminal cuts every longer line, printed results included.
      linewrap: true,
      // A bar whose text is the same has moved when lines were written above it.
      forceRedraw: true,
      fps: 8,
    });
    // Lines that wrap would leave rests of the bars that they are written over.
    this.#bars.on('redraw-pre', () => {
      if (this.#hasLines && stream.isTTY === true) clearScreenDown(stream);
      this.#hasLines = false;
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
      case 'step.started':
        this.#steps.set(event.step, { text: `${event.host} ${event.summary}`, since: this.#clock.monotonic() });
        this.#showSteps();
        return;
      case 'task.finished':
        this.#stop(event.id);
        break;
      case 'step.finished':
        this.#steps.delete(event.step);
        this.#showSteps();
        break;
      case 'retry':
      case 'warning':
      case 'note':
        break;
    }
    const line = describeEvent(event);
    if (line !== undefined) this.#log(line);
    this.#bars.update();
  }

  pause(): void {
    this.#bars.stop();
  }

  finish(): void {
    for (const id of [...this.#tasks.keys()]) this.#stop(id);
    this.#steps.clear();
    this.#showSteps();
    this.#bars.stop();
  }

  #start({ id, title, total = 0, unit }: Extract<Event, { type: 'task.started' }>): void {
    const shown = escapeControl(title);
    const task: Task = { title: shown, unit, pace: new Pace(this.#clock.monotonic()), bar: undefined, done: 0, total };
    this.#tasks.set(id, task);
    if (total === 0) this.#log(`${title} …`);
    else task.bar = this.#create(total, () => this.#lineOf(task));
  }

  #progress({ id, done, total, item }: Extract<Event, { type: 'task.progress' }>): void {
    const task = this.#tasks.get(id);
    if (task?.bar === undefined) return;
    task.pace.add(this.#clock.monotonic(), done);
    task.done = done;
    if (total !== undefined) task.total = total;
    if (item !== undefined) task.item = escapeControl(item);
  }

  #stop(id: string): void {
    const bar = this.#tasks.get(id)?.bar;
    this.#tasks.delete(id);
    if (bar !== undefined) this.#bars.remove(bar);
  }

  #showSteps(): void {
    if (this.#steps.size > 0) this.#stepsBar ??= this.#create(1, () => this.#stepsLine());
    else if (this.#stepsBar !== undefined) {
      this.#bars.remove(this.#stepsBar);
      this.#stepsBar = undefined;
    }
  }

  #create(total: number, line: () => string): SingleBar {
    return this.#bars.create(total, 0, {}, { format: line });
  }

  #lineOf(task: Task): string {
    const now = this.#clock.monotonic();
    const { title, done, total, unit, item, pace } = task;
    return taskLine({ title, done, total, unit, item, rate: pace.perSecond(now), leftMs: pace.left(now, total) }, this.#columns());
  }

  #stepsLine(): string {
    const now = this.#clock.monotonic();
    const parts = [...this.#steps.values()].map(({ text, since }) => escapeControl(`${text} (${formatSpan(now - since)})`));
    return listLine('Now', parts, this.#columns());
  }

  #columns(): number {
    return this.#stream.columns ?? DEFAULT_COLUMNS;
  }

  #log(text: string): void {
    this.#bars.log(`${escapeControl(text)}\n`);
    this.#hasLines = true;
  }
}
