import { describe, expect, it } from 'vitest';
import { CaissonError, fixedClock, type Event } from '../../src/core/index.ts';
import { lookAtSteps, runSteps, StepsFailedError } from '../../src/engine/index.ts';
import type { JournalRecord, RunJournal } from '../../src/engine/journal.ts';
import type { Step } from '../../src/engine/step.ts';

interface World {
  readonly done: Set<string>;
  readonly order: string[];
  running: number;
  mostAtOnce: number;
}

function world(): World {
  return { done: new Set(), order: [], running: 0, mostAtOnce: 0 };
}

function step(state: World, id: string, options: { host?: string; needs?: string[]; fail?: boolean } = {}): Step {
  return {
    id,
    phase: 'test',
    host: options.host ?? 'm1',
    summary: `do ${id}`,
    needs: options.needs ?? [],
    isDone: () => Promise.resolve(state.done.has(id)),
    apply: async () => {
      state.running += 1;
      state.mostAtOnce = Math.max(state.mostAtOnce, state.running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      state.running -= 1;
      if (options.fail === true) throw new Error(`${id} broke`);
      state.order.push(id);
      state.done.add(id);
    },
  };
}

function memoryJournal(): RunJournal & { readonly records: JournalRecord[] } {
  const records: JournalRecord[] = [];
  return {
    records,
    append: (record) => {
      records.push(record);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

async function run(steps: Step[], signal = new AbortController().signal) {
  const events: Event[] = [];
  const journal = memoryJournal();
  const summary = await runSteps(steps, { journal, clock: fixedClock(0), emit: (event) => events.push(event), signal });
  return { summary, events, records: journal.records };
}

describe('runSteps', () => {
  it('applies a step after all that it needs, and changes nothing the second time', async () => {
    const state = world();
    const steps = [step(state, 'a'), step(state, 'b', { host: 'c1', needs: ['a'] }), step(state, 'c', { needs: ['b'] })];
    expect((await run(steps)).summary).toEqual({ steps: 3, changed: 3 });
    expect(state.order).toEqual(['a', 'b', 'c']);
    const second = await run(steps);
    expect(second.summary).toEqual({ steps: 3, changed: 0 });
    expect(second.records).toEqual([]);
  });

  it('runs one step at a time on a host, and hosts in parallel', async () => {
    const oneHost = world();
    await run([step(oneHost, 'a'), step(oneHost, 'b'), step(oneHost, 'c')]);
    expect(oneHost.mostAtOnce).toBe(1);
    const threeHosts = world();
    await run(['m1', 'g1', 'c1'].map((host) => step(threeHosts, host, { host })));
    expect(threeHosts.mostAtOnce).toBe(3);
  });

  it('tells every failure, leaves out what depends on it and finishes the rest', async () => {
    const state = world();
    const steps = [
      step(state, 'bad1', { fail: true }),
      step(state, 'bad2', { host: 'g1', fail: true }),
      step(state, 'after', { needs: ['bad1'] }),
      step(state, 'free', { host: 'c1' }),
    ];
    const failure = await run(steps).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StepsFailedError);
    expect(String(failure)).toContain('bad1 broke');
    expect(String(failure)).toContain('bad2 broke');
    expect(String(failure)).toContain('1 later steps were not tried');
    expect(state.order).toEqual(['free']);
  });

  it('writes the start of a step to the journal before it changes anything, and its end after', async () => {
    const state = world();
    const { records } = await run([step(state, 'a')]);
    expect(records.map((record) => record.event)).toEqual(['step.started', 'step.done']);
  });

  it('starts nothing more once it is interrupted', async () => {
    const state = world();
    const stop = new AbortController();
    const first = step(state, 'a');
    const stopping: Step = { ...first, apply: async (context) => first.apply(context).then(() => stop.abort(new Error('stop'))) };
    await expect(run([stopping, step(state, 'b', { needs: ['a'] })], stop.signal)).rejects.toThrow('stop');
    expect(state.order).toEqual(['a']);
  });

  it('takes a plan that names an unknown need or an id twice for a bug', async () => {
    const state = world();
    await expect(run([step(state, 'a', { needs: ['nowhere'] })])).rejects.toThrow('"nowhere"');
    await expect(run([step(state, 'a'), step(state, 'a')])).rejects.toThrow('twice');
  });

  it('lets nothing go on behind the back of whoever called it when the journal cannot be written', async () => {
    const state = world();
    const journal: RunJournal = { append: () => Promise.reject(new Error('disk full')), close: () => Promise.resolve() };
    const options = { journal, clock: fixedClock(0), emit: () => {}, signal: new AbortController().signal };
    await expect(runSteps([step(state, 'a'), step(state, 'b', { host: 'g1' })], options)).rejects.toThrow('disk full');
    expect(state.running).toBe(0);
    expect(state.order).toEqual([]);
  });
});

describe('StepsFailedError', () => {
  it('ends with the status that all failures share, else that steps failed', () => {
    const failed = (id: string, error: unknown) => ({ step: step(world(), id), error });
    const damaged = new CaissonError('BUNDLE_DAMAGED', 'Cannot use it');
    expect(new StepsFailedError([failed('a', damaged), failed('b', damaged)], 0)).toMatchObject({ code: 'INSTALL_FAILED', exitStatus: 4 });
    expect(new StepsFailedError([failed('a', damaged), failed('b', new Error('other'))], 0).exitStatus).toBe(6);
  });
});

describe('lookAtSteps', () => {
  it('tells of each step whether it is done, in the order of the plan, and applies none', async () => {
    const state = world();
    state.done.add('b');
    const steps = [step(state, 'a'), step(state, 'b', { host: 'c1', needs: ['a'] }), step(state, 'c', { needs: ['b'] })];
    const looked = await lookAtSteps(steps, { signal: new AbortController().signal, emit: () => {} });
    expect(looked.map((one) => `${one.step.id} ${one.done}`)).toEqual(['a false', 'b true', 'c false']);
    expect(state.order).toEqual([]);
  });

  it('stops looking when it is interrupted', async () => {
    const signal = AbortSignal.abort(new Error('received SIGINT'));
    await expect(lookAtSteps([step(world(), 'a')], { signal, emit: () => {} })).rejects.toThrow('received SIGINT');
  });
});
