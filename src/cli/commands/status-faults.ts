import type { AgentStatus } from '../../agent/index.ts';

/** The faults of one node, counted; empty when everything on it is healthy. */
export function faultsOfNode(status: AgentStatus): readonly string[] {
  const { components, problems } = status;
  return [
    components.length === 0 ? 'no components' : '',
    countFaults(unhealthyCount([status]), `of ${components.length} components`, 'not healthy'),
    countFaults(problems.length, problems.length === 1 ? 'problem' : 'problems', 'reported by the agent'),
  ].filter((fault) => fault !== '');
}

/** Components of all the nodes that are in any state but healthy. */
export function unhealthyCount(statuses: readonly AgentStatus[]): number {
  return statuses.flatMap(({ components }) => components).filter(({ state }) => state !== 'healthy').length;
}

/** "2 of 5 components not healthy"; empty for none. */
export function countFaults(number: number, what: string, state: string): string {
  return number === 0 ? '' : `${number} ${what} ${state}`;
}
