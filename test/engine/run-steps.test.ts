import { describe, expect, it } from 'vitest';
import { CaissonError, type Clock } from '../../src/core/index.ts';
import { checkPlan, StepsFailedError, type RunJournal, type Step, type StepContext } from '../../src/engine/index.ts';
import { sampleStep as step, startRun, world } from './sample-steps.ts';

async function failureOf(run: { readonly outcome: Promise<unknown> }): Promise<StepsFailedError> {
  const error: unknown = await run.outcome.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof StepsFailedError) return error;
  throw error;
}

describe('checkPlan', () => {
  it('takes an id twice, a need behind its step and a need that is no step of the plan for bugs', () => {
    const state = world();
    const first = step(state, 'a');
    const second = step(state, 'b', { needs: [first] });
    expect(() => checkPlan([first, second])).not.toThrow();
    expect(() => checkPlan([second, first])).toThrow('step "b" needs "a", which does not stand before it');
    expect(() => checkPlan([second])).toThrow('step "b" needs "a", which does not stand before it');
    expect(() => checkPlan([first, step(state, 'a', { host: 'c1' })])).toThrow('the plan has step "a" twice');
    // Another object of the same id is another step: what it says and whether it is done is not known.
    expect(() => checkPlan([step(state, 'a'), second])).toThrow('does not stand before it');
  });

  it('is done before anything is', async () => {
    const state = world();
    const first = step(state, 'a');
    await expect(startRun([first, step(state, 'c', { needs: [step(state, 'b')] })]).outcome).rejects.toThrow('"b"');
    expect(state.order).toEqual([]);
  });
});

describe('runSteps', () => {
  it('applies a step after all that it needs, and changes nothing the second time', async () => {
    const state = world();
    const a = step(state, 'a');
    const b = step(state, 'b', { host: 'c1', needs: [a] });
    const steps = [a, b, step(state, 'c', { needs: [b] })];
    expect(await startRun(steps).outcome).toEqual({ steps: 3, changed: 3 });
    expect(state.order).toEqual(['a', 'b', 'c']);
    const second = startRun(steps);
    expect(await second.outcome).toEqual({ steps: 3, changed: 0 });
    expect(second.records).toEqual([]);
  });

  it('begins a step that follows others when they have ended, well or not', async () => {
    const state = world();
    const good = step(state, 'good', { work: 20 });
    const bad = step(state, 'bad1', { host: 'c1', fails: true });
    const after = step(state, 'after', { host: 'c2', follows: [good, bad] });
    const failure = await failureOf(startRun([good, bad, after]));
    expect(failure.failures.map(({ step: { id } }) => id)).toEqual(['bad1']);
    expect(state.order).toEqual(['good', 'after']);
    expect(() => checkPlan([after, good, bad])).toThrow('step "after" needs "good", which does not stand before it');
  });

  it('runs steps that name nothing but what they need', async () => {
    const bare = (id: string, fails: boolean, needs: readonly Step[]): Step => ({
      ...{ id, kind: 'change', phase: 'test', host: 'm1', summary: `do ${id}`, needs },
      isDone: async () => false,
      apply: () => (fails ? Promise.reject(new Error(`${id} broke`)) : Promise.resolve()),
    });
    const first = bare('first', false, []);
    expect(await startRun([first, bare('second', false, [first])]).outcome).toEqual({ steps: 2, changed: 2 });
    expect((await failureOf(startRun([bare('third', true, [])]))).failures[0]?.takenBack).toEqual([]);
  });

  it('says when each step starts and how it ends, with the milliseconds that it took', async () => {
    const state = world();
    state.done.add('there');
    const there = step(state, 'there');
    const made = step(state, 'made', { needs: [there] });
    const bad = step(state, 'bad', { fails: true, needs: [made] });
    // Every look at the clock is half a second after the one before.
    let ms = 0;
    const clock: Clock = { now: () => new Date(0), monotonic: () => (ms += 500) };
    const run = startRun([there, made, bad], { clock });
    await failureOf(run);
    const said = (id: string) => ({ phase: 'test', step: id, host: 'm1', summary: `do ${id}` });
    expect(run.events).toEqual([
      { type: 'step.finished', ...said('there'), outcome: 'already', ms: 500 },
      { type: 'step.started', ...said('made') },
      { type: 'step.finished', ...said('made'), outcome: 'done', ms: 500 },
      { type: 'step.started', ...said('bad') },
      { type: 'step.finished', ...said('bad'), outcome: 'failed', ms: 500, reason: 'bad broke' },
    ]);
  });

  it('gives each part of a step the signal and the events of the run', async () => {
    const { signal } = new AbortController();
    const warn = (where: string) => async (context: StepContext) => {
      expect(context.signal).toBe(signal);
      context.emit({ type: 'warning', message: where });
    };
    const made: Step = {
      ...step(world(), 'made'),
      isDone: async (context) => warn('isDone')(context).then(() => false),
      apply: warn('apply'),
      undo: warn('undo'),
    };
    const gate = step(world(), 'gate', { kind: 'wait', fails: true, needs: [made], takesBack: [made] });
    const run = startRun([made, gate], { signal });
    await failureOf(run);
    const warnings = run.events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
    expect(warnings).toEqual(['isDone', 'apply', 'undo']);
  });

  it('counts changes and actions as what changed, not waits', async () => {
    const state = world();
    const steps = [step(state, 'a'), step(state, 'b', { kind: 'action' }), step(state, 'c', { kind: 'wait' })];
    expect(await startRun(steps).outcome).toEqual({ steps: 3, changed: 2 });
  });

  it('tells every failure, leaves out what depends on it and finishes the rest', async () => {
    const state = world();
    const bad = step(state, 'bad1', { fails: true });
    const after = step(state, 'after', { needs: [bad] });
    const failure = await failureOf(
      startRun([
        bad,
        step(state, 'bad2', { host: 'g1', fails: true }),
        after,
        step(state, 'later', { needs: [after] }),
        step(state, 'free', { host: 'c1' }),
      ]),
    );
    expect(failure.message).toMatch(/m1: do bad1: bad1 broke\n.*g1: do bad2: bad2 broke\n.*2 later steps were not tried/s);
    expect(state.order).toEqual(['free']);
  });

  it('writes the start of a step to the journal before it changes anything, and its end after', async () => {
    const { outcome, records } = startRun([step(world(), 'a')]);
    await outcome;
    expect(records).toEqual([
      { event: 'step.started', step: 'a', host: 'm1', summary: 'do a' },
      { event: 'step.done', step: 'a', host: 'm1', summary: 'do a' },
    ]);
  });

  it('starts nothing more once it is interrupted', async () => {
    const state = world();
    const stop = new AbortController();
    const first = step(state, 'a');
    const stopping: Step = { ...first, apply: async (context) => first.apply(context).then(() => stop.abort(new Error('stop'))) };
    const steps = [stopping, step(state, 'b', { needs: [stopping] })];
    await expect(startRun(steps, { signal: stop.signal }).outcome).rejects.toThrow('stop');
    expect(state.order).toEqual(['a']);
  });

  it('lets nothing go on behind the back of whoever called it when the journal cannot be written', async () => {
    const state = world();
    const journal: RunJournal = { append: () => Promise.reject(new Error('disk full')), close: async () => {} };
    await expect(startRun([step(state, 'a'), step(state, 'b', { host: 'g1' })], { journal }).outcome).rejects.toThrow(/^disk full$/);
    expect(state.running).toBe(0);
    expect(state.order).toEqual([]);
  });
});

describe('the lane of a host', () => {
  it('lets one change or action run at a time, while other hosts go on', async () => {
    const oneHost = world();
    await startRun([step(oneHost, 'a'), step(oneHost, 'b', { kind: 'action' }), step(oneHost, 'c')]).outcome;
    expect(oneHost.mostAtOnce).toBe(1);
    const threeHosts = world();
    await startRun(['m1', 'g1', 'c1'].map((host) => step(threeHosts, host, { host }))).outcome;
    expect(threeHosts.mostAtOnce).toBe(3);
  });

  it('is not held by a wait: a change of the same host runs while one is open', async () => {
    const state = world();
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    const change = step(state, 'change');
    const opening: Step = { ...change, apply: (context) => change.apply(context).then(open) };
    await startRun([step(state, 'wait', { kind: 'wait', work: opened }), opening]).outcome;
    expect(state.order).toEqual(['change', 'wait']);
  });

  it('holds up no circle of waits over hosts', async () => {
    // Each host waits for what the other has yet to change behind a change of its own.
    const state = world();
    const [left, right] = ['left', 'right'].map((host) => {
      const change = step(state, `change ${host}`, { host, work: 20 });
      let say = (): void => {};
      const said = new Promise<void>((resolve) => (say = resolve));
      return { host, said, change: { ...change, apply: (context) => change.apply(context).then(say) } satisfies Step };
    });
    if (left === undefined || right === undefined) throw new Error('there are two hosts');
    const leftWait = step(state, 'left waits', { kind: 'wait', host: 'left', work: right.said });
    const rightWait = step(state, 'right waits', { kind: 'wait', host: 'right', work: left.said });
    const steps = [leftWait, rightWait, left.change, right.change, step(state, 'end', { host: 'left', needs: [leftWait, rightWait] })];
    await expect(startRun(steps, { limits: { hosts: 1, uploads: 1 } }).outcome).resolves.toEqual({ steps: 5, changed: 3 });
    expect(state.order.at(-1)).toBe('end');
  });
});

describe('the limits of a run', () => {
  it('let no more hosts be changed and no more be uploaded at the same time, over 300 hosts', async () => {
    const changes = world();
    const uploads = world();
    const hosts = Array.from({ length: 300 }, (_, index) => `h${index}`);
    const steps = hosts.flatMap((host) => {
      const upload = step(uploads, `upload ${host}`, { host, uploads: true, work: 1 });
      const counted: Step = { ...upload, apply: (context) => during(changes, () => upload.apply(context)) };
      return [counted, step(changes, `change ${host}`, { host, work: 1 })];
    });
    expect(await startRun(steps, { limits: { hosts: 7, uploads: 3 } }).outcome).toEqual({ steps: 600, changed: 600 });
    expect(changes.mostAtOnce).toBe(7);
    expect(uploads.mostAtOnce).toBe(3);
  });

  it('do not count waits', async () => {
    const state = world();
    const waits = Array.from({ length: 50 }, (_, index) => step(state, `w${index}`, { kind: 'wait', host: `h${index}`, work: 20 }));
    await startRun(waits, { limits: { hosts: 1, uploads: 1 } }).outcome;
    expect(state.mostAtOnce).toBe(50);
  });

  it('keep no change back for uploads that wait for their turn', async () => {
    const state = world();
    const steps = [
      ...['h1', 'h2', 'h3'].map((host) => step(state, `upload ${host}`, { host, uploads: true, work: 20 })),
      step(state, 'change', { host: 'h4' }),
    ];
    await startRun(steps, { limits: { hosts: 2, uploads: 1 } }).outcome;
    expect(state.order[0]).toBe('change');
  });
});

async function during(state: { running: number; mostAtOnce: number }, work: () => Promise<void>): Promise<void> {
  state.running += 1;
  state.mostAtOnce = Math.max(state.mostAtOnce, state.running);
  await work();
  state.running -= 1;
}

describe('a step that takes back', () => {
  it('undoes what was applied in this run, the last first, and says so', async () => {
    const state = world();
    state.done.add('before');
    const before = step(state, 'before', { undo: 'works' });
    const first = step(state, 'first', { undo: 'works' });
    const kept = step(state, 'kept');
    const second = step(state, 'second', { undo: 'works' });
    const made = [before, first, kept, second];
    const gate = step(state, 'gate', { kind: 'wait', fails: true, needs: made, takesBack: made });
    const run = startRun([...made, gate]);
    const failure = await failureOf(run);
    expect(state.order).toEqual(['first', 'kept', 'second', 'undo second', 'undo first']);
    expect(failure.failures).toEqual([expect.objectContaining({ step: gate, takenBack: [second, first] })]);
    expect(failure.message).toContain('gate broke\n    Taken back: do second, do first');
    expect(failure.data).toEqual({ failures: [{ step: 'gate', host: 'm1', reason: 'gate broke', takenBack: ['second', 'first'] }] });
    expect(run.records.slice(-3).map(({ event, ...rest }) => `${event} ${'step' in rest ? rest.step : ''}`)).toEqual([
      'step.undone second',
      'step.undone first',
      'step.failed gate',
    ]);
  });

  it('undoes nothing when it ends well, and nothing when it is interrupted', async () => {
    const state = world();
    const made = step(state, 'made', { undo: 'works' });
    await startRun([made, step(state, 'gate', { kind: 'wait', needs: [made], takesBack: [made] })]).outcome;
    expect(state.order).toEqual(['made', 'gate']);
    const stop = new AbortController();
    const again = step(state, 'again', { undo: 'works' });
    const gate = step(state, 'next gate', { kind: 'wait', needs: [again], takesBack: [again], fails: true });
    const stopping: Step = { ...gate, apply: async (context) => (stop.abort(new Error('stop')), gate.apply(context)) };
    await expect(startRun([again, stopping], { signal: stop.signal }).outcome).rejects.toThrow('stop');
    expect(state.order).toEqual(['made', 'gate', 'again']);
  });

  it('warns when an undo fails, and goes on with the others', async () => {
    const state = world();
    const first = step(state, 'first', { undo: 'works' });
    const second = step(state, 'second', { undo: 'fails' });
    const run = startRun([
      first,
      second,
      step(state, 'gate', { kind: 'wait', fails: true, needs: [first, second], takesBack: [first, second] }),
    ]);
    const failure = await failureOf(run);
    expect(failure.failures[0]?.takenBack).toEqual([first]);
    expect(run.events).toContainEqual({ type: 'warning', message: 'Cannot take back "do second" on "m1": undo of second broke' });
    expect(state.order).toEqual(['first', 'second', 'undo first']);
  });

  it('undoes in the lane of the host, so that nothing else changes it meanwhile', async () => {
    const state = world();
    const made = step(state, 'made', { undo: 'works' });
    const gate = step(state, 'gate', { kind: 'wait', fails: true, work: 0, needs: [made], takesBack: [made] });
    const waits = world();
    const counted: Step = {
      ...gate,
      apply: () => step(waits, 'gate', { fails: true, work: 0 }).apply({ signal: new AbortController().signal, emit: () => {} }),
    };
    const others = ['x', 'y', 'z'].map((id) => step(state, id, { needs: [made], work: 10 }));
    await failureOf(startRun([made, counted, ...others]));
    expect(state.order).toContain('undo made');
    expect(state.mostAtOnce).toBe(1);
  });

  it('gives its own lane back before it undoes, also across hosts', async () => {
    const state = world();
    const here = step(state, 'here', { host: 'a', undo: 'works' });
    const there = step(state, 'there', { host: 'b', undo: 'works' });
    const both = [here, there];
    const failing = ['a', 'b'].map((host) =>
      step(state, `fails on ${host}`, { host, kind: 'action', fails: true, needs: both, takesBack: host === 'a' ? [there] : [here] }),
    );
    const failure = await failureOf(startRun([...both, ...failing]));
    expect(failure.failures.map(({ takenBack }) => takenBack.length)).toEqual([1, 1]);
  });
});

describe('StepsFailedError', () => {
  it('ends with the status that all failures share, else that steps failed', () => {
    const failed = (id: string, error: unknown) => ({ step: step(world(), id), error, takenBack: [] });
    const damaged = new CaissonError('BUNDLE_DAMAGED', 'Cannot use it', { hint: 'Copy it again' });
    expect(new StepsFailedError([failed('a', damaged), failed('b', damaged)], 0)).toMatchObject({ code: 'INSTALL_FAILED', exitStatus: 4 });
    expect(new StepsFailedError([failed('a', damaged), failed('b', new Error('other'))], 0).exitStatus).toBe(6);
    expect(new StepsFailedError([failed('a', damaged), failed('b', new CaissonError('USAGE', 'Wrong'))], 0).exitStatus).toBe(6);
    expect(new StepsFailedError([failed('a', new Error('other'))], 0).exitStatus).toBe(6);
  });

  it('tells each failure with its reason, its remedy and what was taken back, and how many steps were not tried', () => {
    const damaged = new CaissonError('BUNDLE_DAMAGED', 'Cannot use it', { hint: 'Copy it again' });
    const plain = new CaissonError('BUNDLE_DAMAGED', 'exit status 1\nno such unit\n');
    const [one, other] = [damaged, plain].map((error, at) => ({ step: step(world(), `s${at}`), error, takenBack: [] }));
    if (one === undefined || other === undefined) throw new Error('there are two');
    const single = new StepsFailedError([one], 0);
    expect(single.message).toBe('Cannot finish the run: 1 of its steps failed\n  m1: do s0: Cannot use it\n    Copy it again');
    expect(single.cause).toBe(damaged);
    expect(single.hint).toBe('Remedy what is named above and run the same command again: what is done stays done');
    expect(new StepsFailedError([other, { ...one, takenBack: [other.step] }], 3).message).toBe(
      [
        'Cannot finish the run: 2 of its steps failed',
        '  m1: do s1: exit status 1\n    no such unit',
        '  m1: do s0: Cannot use it\n    Copy it again\n    Taken back: do s1',
        '  3 later steps were not tried',
      ].join('\n'),
    );
  });
});
