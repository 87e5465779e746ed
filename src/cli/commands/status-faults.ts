import type { AgentStatus, ComponentStatus } from '../../agent/index.ts';

/** Counts of faults on one node; empty when everything on it is healthy. */
export function faultsOfNode(status: AgentStatus): readonly string[] {
  const { components, problems } = status;
  return [
    components.length === 0 ? 'no components' : '',
    countFaults(unhealthyCount([status]), `of ${components.length} components`, 'not healthy'),
    countFaults(problems.length, problems.length === 1 ? 'problem' : 'problems', 'reported by the agent'),
  ].filter((fault) => fault !== '');
}

/** Number of components, over all nodes, that are not healthy. */
export function unhealthyCount(statuses: readonly AgentStatus[]): number {
  return statuses.flatMap(({ components }) => components).filter((component) => !isWell(component)).length;
}

/** False also for a component that is healthy at the moment, and was started again and again up to now. */
export function isWell({ state, keep }: ComponentStatus): boolean {
  return state === 'healthy' && keep?.standing !== 'crash-loop';
}

/** Formats a count of faults, such as "2 of 5 components not healthy"; empty for a count of 0. */
export function countFaults(number: number, what: string, state: string): string {
  return number === 0 ? '' : `${number} ${what} ${state}`;
}
