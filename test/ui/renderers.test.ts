import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Clock, Event } from '../../src/core/index.ts';
import { CaissonError } from '../../src/core/index.ts';
import {
  escapeControl,
  formatTable,
  JsonRenderer,
  PlainRenderer,
  reportError,
  TerminalRenderer,
  type Renderer,
} from '../../src/ui/index.ts';

const EVENTS: readonly Event[] = [
  { type: 'task.started', id: 'build', title: 'Download blobs', total: 4096, unit: 'bytes' },
  { type: 'task.progress', id: 'build', done: 1024 },
  { type: 'step.started', phase: 'p', host: 'm1', step: 'p/m1/x', summary: 'start it' },
  {
    type: 'step.finished',
    phase: 'p',
    host: 'm1',
    step: 'p/m1/x',
    summary: 'start it',
    outcome: 'failed',
    ms: 5,
    reason: 'no \u001b[31mred',
  },
  { type: 'retry', what: 'a blob', reason: 'ECONNRESET', attempt: 2, delayMs: 1000 },
  { type: 'warning', message: 'odd', hint: 'look' },
  { type: 'note', message: 'so' },
  { type: 'task.finished', id: 'build', title: 'Download blobs', summary: '4 KiB', ms: 1500 },
];

function sink(): { readonly texts: string[]; write(text: string): void } {
  const texts: string[] = [];
  return { texts, write: (text) => void texts.push(text) };
}

function tickingClock(stepMs: number): Clock {
  let now = 0;
  return { now: () => new Date(0), monotonic: () => (now += stepMs) };
}

function play(renderer: Renderer): void {
  for (const event of EVENTS) renderer.handle(event);
  renderer.finish();
}

describe('PlainRenderer', () => {
  it('writes a line for each start and end, and none for quick progress', () => {
    const out = sink();
    play(new PlainRenderer(out, tickingClock(1)));
    expect(out.texts.join('')).toBe(`00:00:00Z Download blobs (4.0 KiB)
00:00:00Z m1  start it …
00:00:00Z m1  start it: FAILED: no \\x1b[31mred
00:00:00Z Retrying a blob in 1.0 s (attempt 2): ECONNRESET
00:00:00Z Warning: odd (look)
00:00:00Z so
00:00:00Z Download blobs: 4 KiB in 1.5 s
`);
  });

  it('says how far a long task is every few seconds, its rate and the time left', () => {
    const out = sink();
    play(new PlainRenderer(out, tickingClock(6_000)));
    expect(out.texts).toContain('00:00:00Z Download blobs: 1.0 KiB of 4.0 KiB (25 %), 171 B/s, 18 s left\n');
  });
});

describe('JsonRenderer', () => {
  it('gives every event back as it came, with the time, one a line', () => {
    const out = sink();
    play(new JsonRenderer(out, tickingClock(1)));
    expect(out.texts.map((line) => JSON.parse(line) as unknown)).toEqual(
      EVENTS.map((event) => ({ ...event, time: '1970-01-01T00:00:00.000Z' })),
    );
  });
});

describe('TerminalRenderer', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('leaves the terminal to a question: it writes nothing after a pause until the next event', () => {
    vi.useFakeTimers();
    const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: true, columns: 80 });
    const renderer = new TerminalRenderer(stream, tickingClock(1));
    renderer.handle({ type: 'note', message: 'so' });
    renderer.pause();
    stream.read();
    vi.advanceTimersByTime(10_000);
    expect(stream.read()).toBeNull();
    renderer.handle({ type: 'note', message: 'go on' });
    expect(stream.read()).toContain('go on');
    renderer.finish();
  });

  it('survives every event on a stream that is no terminal, and leaves nothing open', () => {
    const stream = new PassThrough();
    stream.resume();
    play(new TerminalRenderer(stream, tickingClock(1)));
    expect(stream.listenerCount('resize')).toBe(0);
  });
});

describe('reportError', () => {
  it('prints message and remedy of a CaissonError without a stack', () => {
    const report = reportError(new CaissonError('USAGE', 'Cannot do it', { hint: 'Do that' }), { debug: false });
    expect(report).toBe('Error USAGE: Cannot do it\n  Do that\n');
  });

  it('prints the stack of a bug with its causes and asks for a report', () => {
    const report = reportError(new Error('outer', { cause: new Error('inner') }), { debug: false });
    expect(report).toContain('renderers.test.ts');
    expect(report).toContain('Caused by: Error: inner');
    expect(report).toContain('please report it');
  });

  it('does not let foreign text steer the terminal', () => {
    expect(reportError(new CaissonError('USAGE', 'Cannot read "\u001b[2J"'), { debug: false })).not.toContain('\u001b');
    expect(escapeControl('a\tb\n\r\u0007')).toBe('a\tb\n\\x0d\\x07');
  });
});

describe('formatTable', () => {
  it('aligns columns and leaves no blanks at the ends of lines', () => {
    expect(
      formatTable(
        ['A', 'LONG', 'C'],
        [
          ['aaa', 'b', 'c'],
          ['a', '', ''],
        ],
      ),
    ).toBe('A    LONG  C\naaa  b     c\na');
  });
});
