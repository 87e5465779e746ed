import type { Topology } from '../cluster/index.ts';
import type { PlanStep } from './plan-step.ts';

/** A component that stops serving on one host during a run. */
export interface Consequence {
  readonly host: string;
  readonly component: string;
  readonly what: 'restarts' | 'is removed';
  /** Components that need this one, when no other host runs it meanwhile. */
  readonly unserved: readonly string[];
}

/** Lists every component that a plan restarts or removes, in the order of the steps. Pure. */
export function consequencesOf(steps: readonly PlanStep[], topology: Topology): readonly Consequence[] {
  return steps.flatMap((step): Consequence[] => {
    if (step.type === 'make') {
      return step.restarts.map((component) => ({
        host: step.host,
        component,
        what: 'restarts',
        unserved: isOnly(component, topology) ? usersOf(component, topology) : [],
      }));
    }
    if (step.type !== 'remove' || !topology.manifests.components.has(step.owner)) return [];
    const stays = topology.hostsOf(step.owner).some(({ name }) => name === step.host);
    return stays ? [] : [{ host: step.host, component: step.owner, what: 'is removed', unserved: [] }];
  });
}

function isOnly(component: string, topology: Topology): boolean {
  return topology.hostsOf(component).length < 2;
}

function usersOf(component: string, topology: Topology): readonly string[] {
  return topology.components.filter(({ needs }) => needs.some((need) => need.component === component)).map(({ name }) => name);
}
