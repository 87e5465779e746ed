import { scopeFor, urlAddress } from '../../cluster/index.ts';
import { CaissonError } from '../../core/index.ts';
import type { Step, StepContext } from '../../engine/index.ts';
import { runChecked, type Command } from '../../host/index.ts';
import { renderData, renderTemplate, type Scope } from '../../manifests/index.ts';
import type { ActionStep } from '../../plan/index.ts';
import type { RunSite } from './run-site.ts';

/** Runs an action on its runner. Done when its probe succeeds. Actions that run once are noted in the record. */
export function actionBehaviour(run: RunSite, step: ActionStep): Pick<Step, 'isDone' | 'apply'> {
  return {
    isDone: async (context) => {
      const isDone = await probeAction(run, step, context);
      if (isDone) await remember(run, step);
      return isDone;
    },
    apply: async (context) => {
      await runAction(run, step, context);
      await remember(run, step);
    },
  };
}

/** An action for a component on a host, and the host that it runs on. */
type Deed = Pick<ActionStep, 'placement' | 'action' | 'runner'>;

/** Runs an action unless its probe succeeds. Throws ACTION_FAILED. */
export async function doAction(run: RunSite, deed: Deed, context: StepContext): Promise<void> {
  if (!(await probeAction(run, deed, context))) await runAction(run, deed, context);
}

async function probeAction(run: RunSite, deed: Deed, { signal }: StepContext): Promise<boolean> {
  const { action, runner } = deed;
  if (action.done === undefined) return false;
  const argv = action.done.map((word) => renderTemplate(word, scopeOf(run, deed), whereOf(deed)));
  return (await run.hostOf(runner).run({ argv, idleTimeoutMs: action.timeout * 1000 }, { signal })).exitCode === 0;
}

async function runAction(run: RunSite, deed: Deed, { signal }: StepContext): Promise<void> {
  const { action, runner } = deed;
  const { component, host } = deed.placement;
  const scope = scopeOf(run, deed);
  const where = whereOf(deed);
  const command = renderData({ command: action.command, container: action.container, input: action.input }, scope, where);
  const { engine } = run.declared.tools;
  const name = `${component.name}-${action.name}-${host.name}`;
  const argv = command.container === undefined ? command.command : engine.runOnce(name, command.container);
  if (argv === undefined) throw new Error(`${where} has neither command nor container`);
  const request: Command = { argv, idleTimeoutMs: action.timeout * 1000, ...(command.input === undefined ? {} : { input: command.input }) };
  try {
    // A run that was killed may have left its container running.
    if (command.container !== undefined) await engine.removeContainers(run.hostOf(runner), [name], signal);
    await runChecked(run.hostOf(runner), request, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new CaissonError('ACTION_FAILED', `Cannot ${action.summary} for "${component.name}" on "${host.name}": ${reasonOf(cause)}`, {
      cause,
      hint: `It ran on "${runner}". What follows from it was not begun; run the same command again once it can succeed`,
    });
  } finally {
    // The action may have changed any host of the component.
    for (const { name } of [host, ...run.declared.topology.hostsOf(component.name)]) run.agents.forget(name);
    run.agents.forget(runner);
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function whereOf({ placement, action }: Deed): string {
  return `action ${action.name} of ${placement.component.name}`;
}

/** Scope of an action's templates: that of the host that it is for, and ${runner.X} for the host that runs it. */
function scopeOf(run: RunSite, { placement, runner }: Deed): Scope {
  const { topology } = run.declared;
  const { address } = run.hostOf(runner);
  const scope = scopeFor(topology, placement.host, { component: placement.component.name });
  return { ...scope, runner: { name: runner, address, urlAddress: urlAddress(address) } };
}

/** Notes the actions `once` and `before-upgrade` in the record. All others run each time their moment comes. */
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
