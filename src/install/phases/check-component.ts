import type { ComponentStatus } from '../../agent/index.ts';
import type { Placement } from '../../cluster/index.ts';
import { waitFor, type ConditionState } from '../../health/index.ts';
import type { AgentAnswer } from '../agent-statuses.ts';
import { componentServices } from '../component-files.ts';
import { hostOf, type InstallContext } from '../context.ts';
import type { Step } from '../step.ts';
import { stepsOf } from './make-step.ts';

const step = stepsOf('check-components');
const LOOK_INTERVAL_MS = 1_000;
/** A component may bear so many failed probes before it is well; then this much without news is too long. */
const PATIENCE_MS = 180_000;

/** The gate of a component: goes on once its host's agent has seen every service of it healthy. */
export function checkComponent(context: InstallContext, placement: Placement, needs: readonly string[]): Step {
  const { component, host: node } = placement;
  const host = hostOf(context, node.name);
  const services = componentServices(context, placement).map(({ name }) => name);
  return step(node.name, component.name, {
    summary: `wait until ${component.name} is healthy`,
    needs,
    isDone: async ({ signal }) => servicesHealthy(services, await context.agents.recent(host, signal)).met,
    apply: ({ signal, emit }) =>
      waitFor(
        {
          description: `${component.name} on ${host.name} is healthy`,
          look: async () => servicesHealthy(services, await context.agents.ask(host, signal)),
        },
        {
          intervalMs: LOOK_INTERVAL_MS,
          noProgressMs: PATIENCE_MS,
          signal,
          clock: context.clock,
          // The step says that it waits; what for in detail matters only when it waits in vain.
          emit: (event) => {
            if (event.type !== 'note') emit(event);
          },
        },
      ),
  });
}

function servicesHealthy(services: readonly string[], answer: AgentAnswer): ConditionState {
  if ('silence' in answer) return { met: false, detail: `its agent does not answer: ${answer.silence}` };
  const open = services.flatMap((name) => {
    const found = answer.status.components.find((candidate) => candidate.name === name);
    return found?.state === 'healthy' ? [] : [describe(name, found)];
  });
  return { met: open.length === 0, detail: open.join('; ') };
}

function describe(name: string, status: ComponentStatus | undefined): string {
  return status === undefined ? `${name} is not known to the agent yet` : `${name} is ${status.state}: ${status.reason}`;
}
