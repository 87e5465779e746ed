import { scopeFor, urlAddress } from '../../cluster/index.ts';
import { CaissonError } from '../../core/index.ts';
import type { Step, StepContext } from '../../engine/index.ts';
import { runChecked, type Command } from '../../host/index.ts';
import { renderData, renderTemplate, type ComponentAction, type Scope } from '../../manifests/index.ts';
import type { ActionStep } from '../../plan/index.ts';
import type { RunSite } from './run-site.ts';

/** Runs an action where it belongs, unless its probe says that it was done; the record remembers those that are done once. */
export function actionBehaviour(run: RunSite, step: ActionStep): Pick<Step, 'isDone' | 'apply' | 'undo'> {
  return {
    isDone: async (context) => {
      const isDone = await probeAction(run, step, step.action, step.runner, context);
      if (isDone) await remember(run, step);
      return isDone;
    },
    apply: async (context) => {
      await runAction(run, step, step.action, step.runner, context);
      await remember(run, step);
    },
    undo: async (context) => {
      for (const { action, runner } of step.undo) await runAction(run, step, action, runner, context);
    },
  };
}

async function probeAction(
  run: RunSite,
  step: ActionStep,
  action: ComponentAction,
  runner: string,
  { signal }: StepContext,
): Promise<boolean> {
  if (action.done === undefined) return false;
  const argv = action.done.map((word) => renderTemplate(word, scopeOf(run, step, runner), whereOf(step, action)));
  return (await run.hostOf(runner).run({ argv, idleTimeoutMs: action.timeout * 1000 }, { signal })).exitCode === 0;
}

async function runAction(run: RunSite, step: ActionStep, action: ComponentAction, runner: string, { signal }: StepContext): Promise<void> {
  const { component, host } = step.placement;
  const scope = scopeOf(run, step, runner);
  const where = whereOf(step, action);
  const command = renderData({ command: action.command, container: action.container, input: action.input }, scope, where);
  const argv =
    command.container === undefined
      ? command.command
      : run.declared.tools.engine.runOnce(`${component.name}-${action.name}-${host.name}`, command.container);
  if (argv === undefined) throw new Error(`${where} has neither command nor container`);
  const request: Command = { argv, idleTimeoutMs: action.timeout * 1000, ...(command.input === undefined ? {} : { input: command.input }) };
  try {
    await runChecked(run.hostOf(runner), request, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new CaissonError('ACTION_FAILED', `Cannot ${action.summary} for "${component.name}" on "${host.name}": ${reasonOf(cause)}`, {
      cause,
      hint: `It ran on "${runner}". What follows from it was not begun; run the same command again once it can succeed`,
    });
  } finally {
    run.agents.forget(host.name);
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function whereOf({ placement }: ActionStep, { name }: ComponentAction): string {
  return `action ${name} of ${placement.component.name}`;
}

/** What a template of an action knows: the host that it is for, and as ${runner.X} the host that it runs on. */
function scopeOf(run: RunSite, { placement }: ActionStep, runner: string): Scope {
  const { topology } = run.declared;
  const { address } = run.hostOf(runner);
  const scope = scopeFor(topology, placement.host, { component: placement.component.name });
  return { ...scope, runner: { name: runner, address, urlAddress: urlAddress(address) } };
}

/** Only what is done once is remembered; all others run at each of their moments. */
async function remember(run: RunSite, { placement, action }: ActionStep): Promise<void> {
  if (action.at !== 'once' && action.at !== 'before-upgrade') return;
  const { component, host } = placement;
  const release = run.releases[component.name];
  if (release === undefined) return;
  await run.site.update((record) => ({
    ...record,
    actions: [
      ...record.actions,
      {
        component: component.name,
        action: action.name,
        ...(action.each === 'cluster' ? {} : { host: host.name }),
        release,
        time: run.clock.now().toISOString(),
      },
    ],
  }));
}
