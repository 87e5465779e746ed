import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixedClock, type Clock } from '../../src/core/index.ts';
import { openJournal, readJournal, type JournalRecord } from '../../src/engine/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
const path = (): string => join(directory(), 'journal.jsonl');
const STARTED = { event: 'run.started', operation: 'install', cluster: 'lab', bundle: 'sample 1.2', steps: 2 } as const;

/** A clock that is a second later at every look. */
function ticking(): Clock {
  let seconds = 0;
  return { now: () => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds++)), monotonic: () => 0 };
}

async function write(run: string, records: readonly JournalRecord[], clock: Clock = fixedClock(0)): Promise<void> {
  const journal = await openJournal(path(), { clock, run });
  for (const record of records) await journal.append(record);
  await journal.close();
}

function step(event: 'step.started' | 'step.done' | 'step.undone', id: string): JournalRecord {
  return { event, step: id, host: 'm1', summary: `do ${id}` };
}

describe('readJournal', () => {
  it('tells of no run where there is no journal', async () => {
    expect(await readJournal(path())).toEqual([]);
  });

  it('gives back what was written, with the times', async () => {
    const failed: JournalRecord = { event: 'step.failed', step: 'b', host: 'm1', summary: 'do b', reason: 'it broke' };
    const records: JournalRecord[] = [
      STARTED,
      step('step.started', 'a'),
      step('step.done', 'a'),
      step('step.started', 'b'),
      failed,
      { event: 'run.finished', outcome: 'failed' },
    ];
    await write('r1', records, ticking());
    expect(await readJournal(path())).toEqual([
      {
        run: 'r1',
        operation: 'install',
        cluster: 'lab',
        bundle: 'sample 1.2',
        started: '2026-01-01T00:00:00.000Z',
        ended: '2026-01-01T00:00:05.000Z',
        outcome: 'failed',
        steps: [
          {
            step: 'a',
            host: 'm1',
            summary: 'do a',
            outcome: 'done',
            started: '2026-01-01T00:00:01.000Z',
            ended: '2026-01-01T00:00:02.000Z',
            reason: undefined,
          },
          {
            step: 'b',
            host: 'm1',
            summary: 'do b',
            outcome: 'failed',
            started: '2026-01-01T00:00:03.000Z',
            ended: '2026-01-01T00:00:04.000Z',
            reason: 'it broke',
          },
        ],
      },
    ]);
  });

  it.each(['done', 'failed', 'interrupted'] as const)('knows a run that is %s', async (outcome) => {
    await write('r1', [STARTED, outcome === 'done' ? { event: 'run.finished', outcome, changed: 1 } : { event: 'run.finished', outcome }]);
    expect(await readJournal(path())).toMatchObject([{ outcome }]);
  });

  it('calls a run killed that did not say how it ended, and its last step begun', async () => {
    await write('r1', [STARTED, step('step.started', 'a'), step('step.done', 'a'), step('step.started', 'b')]);
    await write('r2', [
      { ...STARTED, operation: 'reset' },
      { event: 'run.finished', outcome: 'done', changed: 0 },
    ]);
    expect(await readJournal(path())).toMatchObject([
      { run: 'r1', outcome: 'killed', ended: undefined, steps: [{ outcome: 'done' }, { step: 'b', outcome: 'begun', ended: undefined }] },
      { run: 'r2', operation: 'reset', outcome: 'done', steps: [] },
    ]);
  });

  it('leaves out a line that a crash cut short, and reads on', async () => {
    await write('r1', [STARTED, step('step.started', 'a')]);
    await appendFile(path(), '{"time":"2026-01-01T00:00:00.000Z","run":"r1","event":"step.do');
    await write('r2', [STARTED, { event: 'run.finished', outcome: 'done', changed: 0 }]);
    expect(await readJournal(path())).toMatchObject([
      { run: 'r1', outcome: 'killed', steps: [{ step: 'a', outcome: 'begun' }] },
      { run: 'r2', outcome: 'done' },
    ]);
  });

  it('calls a step by its id where a line has no summary', async () => {
    await writeFile(path(), `${JSON.stringify({ time: 't', run: 'r1', event: 'step.done', step: 'a/m1/b' })}\n`);
    expect(await readJournal(path())).toMatchObject([{ operation: 'install', steps: [{ step: 'a/m1/b', host: '', summary: 'a/m1/b' }] }]);
  });

  it('says of a step that it was taken back', async () => {
    await write('r1', [STARTED, step('step.started', 'a'), step('step.done', 'a'), step('step.undone', 'a')]);
    expect(await readJournal(path())).toMatchObject([{ steps: [{ step: 'a', outcome: 'undone' }] }]);
  });

  it('says that a journal cannot be read, and who can', async () => {
    await mkdir(path());
    await expect(readJournal(path())).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringContaining(`Cannot read the journal "${path()}"`),
      hint: expect.stringContaining('as root on the seed'),
    });
  });

  it('is not taken in by the names of what every object has', async () => {
    const lines = ['constructor', '__proto__', 'toString'].map((event) =>
      JSON.stringify({ time: 't', run: event, event, step: event, outcome: event }),
    );
    await writeFile(path(), `${lines.join('\n')}\n`);
    const runs = await readJournal(path());
    expect(runs.map(({ outcome, steps }) => [outcome, steps[0]?.outcome])).toEqual(Array(3).fill(['killed', 'begun']));
  });
});
