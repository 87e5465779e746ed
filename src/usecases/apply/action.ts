import { posix } from 'node:path';
import { scopeFor, urlAddress, type Placement } from '../../cluster/index.ts';
import { CaissonError } from '../../core/index.ts';
import type { Step, StepContext } from '../../engine/index.ts';
import { CommandFailedError, type Command, type CommandResult } from '../../host/index.ts';
import { renderData, type ComponentAction, type Scope } from '../../manifests/index.ts';
import type { ActionStep } from '../../plan/index.ts';
import { DATA_PLACE, type SecretChange } from '../../site/index.ts';
import type { RunSite } from './run-site.ts';
import { secretFiles, withSecretFiles } from './secret-files.ts';

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
export type Deed = Pick<ActionStep, 'placement' | 'action' | 'runner'>;

/** The hosts and the declared cluster, for one action. */
export interface ActionSite extends Pick<RunSite, 'agents' | 'hostOf'> {
  /** The seed is needed for actions of a secret alone. */
  readonly declared: Pick<RunSite['declared'], 'topology' | 'tools'> & Partial<Pick<RunSite['declared'], 'seed'>>;
}

/** Runs an action unless its probe succeeds. Throws ACTION_FAILED. */
export async function doAction(run: ActionSite, deed: Deed, context: StepContext): Promise<void> {
  if (!(await probeAction(run, deed, context))) await runAction(run, deed, context);
}

/** True when the probe of an action says that it was done already; false without a probe. */
export async function probeAction(run: ActionSite, deed: Deed, { signal }: Pick<StepContext, 'signal'>): Promise<boolean> {
  const { done, container } = deed.action;
  if (done === undefined) return false;
  const asked: Doing = 'arguments' in done ? { container: container && { ...container, arguments: done.arguments } } : { command: done };
  return (await execute(run, deed, asked, `${nameOf(deed)}-done`, signal)).exitCode === 0;
}

/** Runs an action. Throws ACTION_FAILED, and the reason of the signal when it aborts. */
export async function runAction(run: ActionSite, deed: Deed, { signal }: Pick<StepContext, 'signal'>): Promise<void> {
  const { action, runner } = deed;
  const { component, host } = deed.placement;
  try {
    const result = await execute(run, deed, action, nameOf(deed), signal);
    if (result.exitCode !== 0) throw new CommandFailedError(runner, result.argv, result);
  } catch (cause) {
    signal.throwIfAborted();
    const undo = action.secret === undefined ? '' : `, or keep the old value: caisson secrets change ${action.secret} --undo`;
    throw new CaissonError('ACTION_FAILED', `Cannot ${action.summary} for "${component.name}" on "${host.name}": ${reasonOf(cause)}`, {
      cause,
      hint: `It ran on "${runner}". What follows from it was not begun; run the same command again once it can succeed${undo}`,
    });
  } finally {
    // The action may have changed any host of the component.
    for (const { name } of [host, ...run.declared.topology.hostsOf(component.name)]) run.agents.forget(name);
    run.agents.forget(runner);
  }
}

/** A command of the host, or a container. */
type Doing = Partial<Pick<ComponentAction, 'command' | 'container' | 'input'>>;

interface Done extends CommandResult {
  readonly argv: readonly string[];
}

/** Runs a command or container of an action to its end. Values of a secret do not show in its output. */
async function execute(
  run: ActionSite,
  deed: Deed,
  { command, container, input }: Doing,
  name: string,
  signal: AbortSignal,
): Promise<Done> {
  const host = run.hostOf(deed.runner);
  const { engine } = run.declared.tools;
  const rendered = renderData({ command, container, input }, scopeOf(run, deed), whereOf(deed));
  const argv = rendered.container === undefined ? rendered.command : engine?.runOnce(name, rendered.container);
  if (argv === undefined) throw new Error(`${whereOf(deed)} has neither a command nor an engine for its container`);
  const request: Command = {
    argv,
    idleTimeoutMs: deed.action.timeout * 1000,
    ...(rendered.input === undefined ? {} : { input: rendered.input }),
  };
  return withSecretFiles(host, secretDirectory(deed), await changeOf(run, deed), signal, async () => {
    // A run that was killed may have left its container running.
    if (rendered.container !== undefined) await engine?.removeContainers(host, [name], signal);
    return { argv, ...(await host.run(request, { signal })) };
  });
}

/** The change of the secret that an action is for; undefined for other actions. */
async function changeOf(run: ActionSite, { action: { secret } }: Deed): Promise<SecretChange | undefined> {
  if (secret === undefined) return undefined;
  const found = (await run.declared.seed?.keys.secretChanges())?.find(({ name }) => name === secret);
  if (found === undefined) throw new Error(`no change of the secret "${secret}" is under way`);
  return found;
}

function nameOf({ placement: { component, host }, action }: Deed): string {
  return `${component.name}-${action.name}-${host.name}`;
}

function secretDirectory(deed: Deed): string {
  // Directly below /run, so that no other directory stays behind.
  return `/run/caisson-secret-${nameOf(deed)}`;
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function whereOf({ placement, action }: Deed): string {
  return `action ${action.name} of ${placement.component.name}`;
}

/** The directory on the host of a backup or restore action, and its file there. */
export function dataPlace({ placement, action }: Deed): { readonly directory: string; readonly file: string } {
  const directory = posix.join(DATA_PLACE, action.at, placement.component.name);
  return { directory, file: posix.join(directory, action.file ?? '') };
}

/**
 * Scope of an action's templates: that of the host that it is for, ${runner.X} for the host that runs it, ${action.X} for the
 * file of a backup or restore, and ${secretFile.X} for the action of a secret.
 */
function scopeOf(run: ActionSite, deed: Deed): Scope {
  const { placement, runner } = deed;
  const { topology } = run.declared;
  const { address } = run.hostOf(runner);
  const scope = scopeFor(topology, placement.host, { component: placement.component.name });
  const own = { ...scope, runner: { name: runner, address, urlAddress: urlAddress(address) }, action: dataPlace(deed) };
  return deed.action.secret === undefined ? own : { ...own, secretFile: secretFiles(secretDirectory(deed)) };
}

/**
 * Notes the actions `once` and `before-upgrade` in the record, and that a former machine has left. All others run each time their
 * moment comes.
 */
async function remember(run: RunSite, { placement, action, letsGo }: ActionStep): Promise<void> {
  if (letsGo === true) return rememberLeft(run, placement);
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

/** Takes a former machine from the record, because no member of the component counts it any more. */
async function rememberLeft(run: RunSite, { component, host }: Placement): Promise<void> {
  await run.site.update((record) => {
    const known = record.hosts[host.name];
    if (known === undefined) return record;
    const { former = [], ...others } = known;
    const left = former.filter((one) => one.component !== component.name || one.address !== host.address);
    return { ...record, hosts: { ...record.hosts, [host.name]: left.length === 0 ? others : { ...others, former: left } } };
  });
}
