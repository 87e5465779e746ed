import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import xterm from '@xterm/headless';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Clock } from '../../src/core/index.ts';
import { TerminalRenderer } from '../../src/ui/index.ts';

const GIB = 2 ** 30;
const TITLE = 'Write platform-5.1.11.caisson';
const ITEM = 'blobs/sha256/fd4a9f1d0dbba5ad0a4a1e6f6c1f1c4f0d8e3b5fbc4a5e5b7b7b7a0f3d0c9e11';

/** A terminal of this width: a real emulator that shows what is written. */
function terminal(columns: number) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  let written = '';
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      written += chunk.toString();
      done();
    },
  });
  const stream = Object.assign(sink, { isTTY: true, columns });
  const emulator = new xterm.Terminal({ cols: columns, rows: 12, scrollback: 100, allowProposedApi: true, convertEol: true });
  let now = 0;
  const clock: Clock = { now: () => new Date(now), monotonic: () => now };
  const renderer = new TerminalRenderer(stream, clock);
  return {
    stream,
    renderer,
    /** Lets this many milliseconds pass; the display is drawn again meanwhile. */
    pass: (ms: number): void => {
      now += ms;
      vi.advanceTimersByTime(ms);
    },
    /** Lines that a person sees, with those that have scrolled out of the screen. */
    seen: async (): Promise<readonly string[]> => {
      // The emulator works off what it is given when a timer ends.
      const shown = new Promise<void>((resolve) => emulator.write(written, resolve));
      written = '';
      vi.advanceTimersByTime(1);
      await shown;
      const { active } = emulator.buffer;
      const lines = Array.from({ length: active.length }, (_, index) => {
        const line = active.getLine(index);
        return `${line?.isWrapped === true ? '\u21b3' : ''}${line?.translateToString(true) ?? ''}`;
      });
      return lines.join('\n').replaceAll('\n\u21b3', '').trimEnd().split('\n');
    },
  };
}

function halfWritten(shown: ReturnType<typeof terminal>): void {
  shown.renderer.handle({ type: 'task.started', id: 'w', title: TITLE, total: 4 * GIB, unit: 'bytes' });
  for (let second = 1; second <= 20; second += 1) {
    shown.pass(1000);
    shown.renderer.handle({ type: 'task.progress', id: 'w', done: second * 0.1 * GIB, item: ITEM });
  }
  shown.pass(200);
}

describe('TerminalRenderer in a terminal', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([
    [30, 'Write platf…   50 %  21 s left'],
    [80, 'Write platform-5.1…  ====----   50 %  2.0 GiB of 4.0 GiB  101.1 MiB/s  21 s left'],
    [200, `${TITLE}  ===============---------------   50 %  2.0 GiB of 4.0 GiB  101.1 MiB/s  21 s left  ${ITEM}`],
  ])('shows at %i columns as much of a task as there is room for', async (columns, line) => {
    const shown = terminal(columns);
    halfWritten(shown);
    expect(await shown.seen()).toEqual([line]);
    expect(await readFile(join(import.meta.dirname, '../../docs/errors.md'), 'utf8'), 'the page that shows it').toContain(`\n${line}\n`);
    shown.renderer.finish();
    expect(await shown.seen()).toEqual(['']);
  });

  it.each([30, 80, 200])('shows long lines and results whole at %i columns, and leaves nothing of its bars', async (columns) => {
    const shown = terminal(columns);
    halfWritten(shown);
    shown.renderer.handle({ type: 'task.started', id: 'v', title: 'Verify it', total: 10, unit: 'items' });
    shown.pass(200);
    shown.renderer.handle({ type: 'note', message: `Long ${'x'.repeat(columns)} end` });
    shown.pass(200);
    expect((await shown.seen()).map((line) => line.slice(0, 9))).toEqual(['Long xxxx', 'Write pla', 'Verify it']);
    shown.renderer.handle({ type: 'task.finished', id: 'v', title: 'Verify it', ms: 2000 });
    shown.renderer.pause();
    shown.stream.write(`sha256:${'0123456789abcdef'.repeat(4)}\n`);
    shown.pass(1000);
    expect(await shown.seen()).toEqual([
      `Long ${'x'.repeat(columns)} end`,
      'Verify it: done in 2.0 s',
      `sha256:${'0123456789abcdef'.repeat(4)}`,
    ]);
    shown.renderer.handle({ type: 'note', message: 'More' });
    shown.renderer.finish();
    expect((await shown.seen()).at(-1)).toBe('More');
  });

  it('shows the steps that run, with their times, and lines of those that ended', async () => {
    const shown = terminal(80);
    const step = (host: string, summary: string) => ({ phase: 'start', host, step: `${host} ${summary}`, summary });
    shown.renderer.handle({ type: 'step.started', ...step('m1', 'start etcd') });
    shown.pass(65_000);
    shown.renderer.handle({ type: 'step.started', ...step('m2', 'copy the images of all components of the cluster') });
    shown.renderer.handle({ type: 'step.started', ...step('m3', 'start etcd') });
    shown.pass(2_000);
    expect(await shown.seen()).toEqual(['Now: m1 start etcd (1:07); 2 more']);
    shown.renderer.handle({ type: 'step.finished', ...step('m1', 'start etcd'), outcome: 'done', ms: 67_000 });
    shown.pass(200);
    expect(await shown.seen()).toEqual([
      'm1  start etcd: done in 1 min 7 s',
      'Now: m2 copy the images of all components of the cluster (3 s); 1 more',
    ]);
    shown.renderer.finish();
    expect(await shown.seen()).toEqual(['m1  start etcd: done in 1 min 7 s']);
  });
});
