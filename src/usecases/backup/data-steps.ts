import type { Placement } from '../../cluster/index.ts';
import type { Clock } from '../../core/index.ts';
import type { Step, StepContext } from '../../engine/index.ts';
import { runChecked, shellScript, startUnits, stopUnits, type Host } from '../../host/index.ts';
import { componentServices } from '../../plan/index.ts';
import { runAction } from '../apply/action.ts';
import { waitHealthy, type WatchSite } from '../apply/gate.ts';
import { restartTimes } from '../apply/restart-times.ts';
import { REMOVE_PLACES_SCRIPT } from './component-data.ts';
import type { DataSite } from './data-session.ts';
import { restorePlace, type DataTarget, type RestoreDataPlan } from './data-targets.ts';

export interface DataStepsOptions {
  readonly site: DataSite;
  readonly clock: Clock;
  readonly seed: string;
  /** Brings the files of the backup to their hosts. */
  readonly bring: (context: StepContext) => Promise<void>;
}

/**
 * Parameters: ending of the names of data from before, then for each data directory its path, mode and owner. Moves each
 * directory aside that is not empty, and makes it anew.
 */
export const MAKE_ROOM_SCRIPT = `set -eu
aside=$1; shift
while [ $# -gt 0 ]; do
  if [ -n "$(ls -A -- "$1" 2>/dev/null | head -n 1)" ]; then mv -T -- "$1" "$1$aside"; fi
  mkdir -p -- "$1"
  chown -- "$3" "$1"
  chmod -- "$2" "$1"
  shift 3
done
`;

/** Parameters: directory of the restore, its owner. Gives it and the files in it to that owner. */
export const GIVE_PLACE_SCRIPT = `set -eu
chmod 0700 -- "$1"
chown -R -- "$2" "$1"
`;

/** The steps that put data back, in order. Each component is done on all its hosts before the next begins. */
export function dataSteps(plan: RestoreDataPlan, options: DataStepsOptions): readonly Step[] {
  return new DataSteps(plan, options).make();
}

class DataSteps {
  readonly #plan: RestoreDataPlan;
  readonly #options: DataStepsOptions;
  readonly #watch: WatchSite;
  readonly #steps: Step[] = [];
  /** Steps that must have succeeded before the next ones begin. */
  #before: readonly Step[] = [];

  constructor(plan: RestoreDataPlan, options: DataStepsOptions) {
    this.#plan = plan;
    this.#options = options;
    const { agents, declared } = options.site;
    this.#watch = { agents, declared, clock: options.clock, restarts: restartTimes(), hostOf: (name) => options.site.hostOf(name) };
  }

  make(): readonly Step[] {
    const { targets, dependents } = this.#plan;
    this.#stage([
      this.#step('restore-data', this.#options.seed, 'bring', 'bring the data to their hosts', (context) => this.#options.bring(context)),
    ]);
    const order = byComponent([...targets.map(({ placement }) => placement), ...dependents], this.#options.site);
    for (const placements of order.toReversed()) this.#stage(placements.map((placement) => this.#stop(placement)));
    for (const placements of order) {
      const own = targets.filter(({ placement }) => placements.includes(placement));
      if (own.length === 0) this.#start(placements);
      else this.#restore(own);
    }
    return this.#steps;
  }

  #restore(targets: readonly DataTarget[]): void {
    this.#stage(targets.map((target) => this.#makeRoom(target)));
    this.#runActions(targets, 'stopped');
    this.#start(targets.map(({ placement }) => placement));
    // Members of a quorum that runs share their data.
    const [first] = targets;
    const isShared = first?.placement.component.placement === 'quorum';
    this.#runActions(isShared ? [first] : targets, 'running');
    this.#stage(targets.map((target) => this.#clear(target)));
  }

  #runActions(targets: readonly DataTarget[], when: 'stopped' | 'running'): void {
    const actions = targets[0]?.placement.component.actions ?? [];
    for (const action of actions.filter((one) => one.at === 'restore' && one.while === when)) {
      const own = targets.filter(({ data }) => data.some(({ file }) => file === action.file));
      this.#stage(
        own.map(({ placement }) => {
          const deed = { placement, action, runner: placement.host.name };
          const name = `${placement.component.name}-${action.name}`;
          return this.#step(
            'restore-data',
            placement.host.name,
            name,
            `${action.summary} (restore of ${placement.component.name})`,
            async (context) => {
              const argv = shellScript(GIVE_PLACE_SCRIPT, [restorePlace(placement), action.owner]);
              await runChecked(this.#hostOf(placement), { argv }, { signal: context.signal });
              await runAction(this.#options.site, deed, context);
            },
          );
        }),
      );
    }
  }

  #stop(placement: Placement): Step {
    const { component, host } = placement;
    return this.#step('stop-components', host.name, component.name, `stop ${component.name}`, async ({ signal }) => {
      const units = this.#unitsOf(placement);
      if (units.length > 0) await stopUnits(this.#hostOf(placement), units, { signal });
      this.#options.site.agents.forget(host.name);
    });
  }

  #start(placements: readonly Placement[]): void {
    this.#stage(
      placements.map((placement) => {
        const { component, host } = placement;
        return this.#step('start-components', host.name, component.name, `start ${component.name}`, async ({ signal }) => {
          const live = this.#hostOf(placement);
          const units = this.#unitsOf(placement);
          if (units.length > 0) await startUnits(live, units, { signal });
          await this.#watch.restarts.note(live, signal);
          this.#options.site.agents.forget(host.name);
        });
      }),
    );
    this.#stage(
      placements.map((placement) => {
        const { component, host } = placement;
        const summary = `wait until ${component.name} is healthy`;
        const step = this.#step('check-components', host.name, component.name, summary, (context) =>
          waitHealthy(this.#watch, placement, context),
        );
        return { ...step, kind: 'wait' };
      }),
    );
  }

  #makeRoom(target: DataTarget): Step {
    const { placement, directories } = target;
    const { component, host } = placement;
    return this.#step(
      'restore-data',
      host.name,
      `${component.name}-room`,
      `make room for the data of ${component.name}`,
      async ({ signal }) => {
        const wanted = directories.flatMap(({ path, mode, owner }) => [path, mode, owner]);
        const argv = shellScript(MAKE_ROOM_SCRIPT, [this.#plan.aside, ...wanted]);
        await runChecked(this.#hostOf(placement), { argv }, { signal });
      },
    );
  }

  #clear(target: DataTarget): Step {
    const { component, host } = target.placement;
    return this.#step(
      'restore-data',
      host.name,
      `${component.name}-clear`,
      `remove the files of the restore of ${component.name}`,
      async ({ signal }) => {
        await runChecked(
          this.#hostOf(target.placement),
          { argv: shellScript(REMOVE_PLACES_SCRIPT, [restorePlace(target.placement)]) },
          { signal },
        );
      },
    );
  }

  #unitsOf(placement: Placement): readonly string[] {
    return componentServices(this.#options.site.declared, placement).flatMap(({ name, container, process: program, unit }) =>
      container === undefined && program === undefined && unit === undefined ? [] : [asUnit(unit ?? name)],
    );
  }

  #hostOf({ host }: Placement): Host {
    return this.#options.site.hostOf(host.name);
  }

  #stage(steps: readonly Step[]): void {
    if (steps.length === 0) return;
    this.#steps.push(...steps);
    this.#before = steps;
  }

  #step(phase: string, host: string, name: string, summary: string, apply: Step['apply']): Step {
    // A restore that was killed is repeated from its start, so no step is looked at.
    return { id: `${phase}/${host}/${name}`, kind: 'change', phase, host, summary, needs: this.#before, isDone: async () => false, apply };
  }
}

function asUnit(name: string): string {
  return name.includes('.') ? name : `${name}.service`;
}

/** Placements by component. Each component comes after all that it needs. */
function byComponent(placements: readonly Placement[], { declared }: DataSite): readonly (readonly Placement[])[] {
  return declared.topology.components
    .map(({ name }) => placements.filter(({ component }) => component.name === name))
    .filter((list) => list.length > 0);
}
