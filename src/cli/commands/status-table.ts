import type { AgentStatus, ComponentStatus } from '../../agent/index.ts';
import { escapeControl, formatTable, formatTime, toCell } from '../../ui/index.ts';

const COMPONENT_HEADER: readonly string[] = ['COMPONENT', 'STATE', 'SINCE', 'REASON'];

/** Formats one node's components as a table, followed by the problems that its agent reports. */
export function formatAgentStatus(status: AgentStatus): string {
  const table = formatTable(COMPONENT_HEADER, status.components.map(componentCells));
  return [table, ...problemLines(status)].join('\n');
}

/** Status of one node, or the reason why it has none. */
export interface NodeReport {
  readonly name: string;
  readonly address: string;
  readonly uuid: string;
  readonly roles: readonly string[];
  readonly status?: AgentStatus;
  /** Reason why the node has no status. */
  readonly unreachable?: string;
}

/** Formats every component of every node as a table, followed by the problems that the agents report. */
export function formatCluster(reports: readonly NodeReport[]): string {
  const header = ['NODE', 'ADDRESS', 'ROLES', ...COMPONENT_HEADER];
  const rows = reports.flatMap((report) => {
    const cells = rowsOf(report);
    return cells.map((row, index) => [...(index === 0 ? [report.name, report.address, report.roles.join(',')] : ['', '', '']), ...row]);
  });
  const problems = reports.flatMap((report) => (report.status === undefined ? [] : problemLines(report.status, `${report.name}: `)));
  return [
    formatTable(
      header,
      rows.map((row) => row.map(toCell)),
    ),
    ...problems,
  ].join('\n');
}

function rowsOf(report: NodeReport): readonly (readonly string[])[] {
  if (report.status === undefined) return [['-', 'unreachable', '', report.unreachable ?? '']];
  if (report.status.components.length === 0) return [['-', 'empty', '', 'the agent has no service definitions']];
  return report.status.components.map(componentCells);
}

function componentCells(component: ComponentStatus): readonly string[] {
  return [component.name, component.state, formatTime(component.since), component.reason].map(toCell);
}

function problemLines(status: AgentStatus, prefix = ''): string[] {
  return status.problems.map((problem) => `${prefix}${escapeControl(problem.message)}`);
}
