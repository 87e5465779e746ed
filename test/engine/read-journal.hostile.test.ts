import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readJournal } from '../../src/engine/index.ts';
import { HOSTILE_BYTES } from '../support/hostile-texts.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
const GOOD = JSON.stringify({ time: '2026-01-01T00:00:00.000Z', run: 'r1', event: 'run.started', cluster: 'lab' });

async function runsOf(...parts: readonly (Buffer | string)[]): Promise<readonly string[]> {
  const path = join(directory(), 'journal.jsonl');
  await writeFile(path, Buffer.concat(parts.map((part) => Buffer.from(part))));
  return (await readJournal(path)).map(({ run }) => run);
}

describe('readJournal', () => {
  it.each(HOSTILE_BYTES)('takes no run from %s, and reads what stands before and behind it', async (_, bytes) => {
    expect(await runsOf(bytes)).toEqual([]);
    expect(await runsOf(`${GOOD}\n`, bytes, `\n${GOOD.replace('r1', 'r2')}\n`)).toEqual(['r1', 'r2']);
  });

  it.each([
    ['no run', { time: 't', event: 'run.started' }],
    ['a run that is a number', { time: 't', run: 1, event: 'run.started' }],
    ['a time that is a list', { time: [], run: 'r', event: 'run.started' }],
    ['a step that is an object', { time: 't', run: 'r', event: 'step.done', step: {} }],
  ])('leaves out a line with %s', async (_, line) => {
    expect(await runsOf(`${JSON.stringify(line)}\n${GOOD}\n`)).toEqual(['r1']);
  });
});
