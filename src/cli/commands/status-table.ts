import type { AgentStatus, ComponentStatus } from '../../agent/index.ts';
import { escapeControl, formatTable, formatTime, toCell } from '../../ui/index.ts';

const COMPONENT_HEADER: readonly string[] = ['COMPONENT', 'STATE', 'SINCE', 'RESTARTS', 'REASON'];

/** Formats one node's components as a table, followed by the problems that its agent reports. */
export function formatAgentStatus(status: AgentStatus): string {
  const table = formatTable(
    COMPONENT_HEADER,
    status.components.map((component) => componentCells(component, status.time)),
  );
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
  const { status } = report;
  if (status === undefined) return [['-', 'unreachable', '', '', report.unreachable ?? '']];
  if (status.components.length === 0) return [['-', 'empty', '', '', 'the agent has no service definitions']];
  return status.components.map((component) => componentCells(component, status.time));
}

/** `time` is when the agent answered. */
function componentCells(component: ComponentStatus, time: string): readonly string[] {
  const { name, state, since, keep, unit } = component;
  // Those of the agent, and those of systemd since the last of these.
  const restarts = (keep?.restarts ?? 0) + (unit?.restarts ?? 0);
  return [name, state, formatTime(since), restarts === 0 ? '' : String(restarts), reasonOf(component, time)].map(toCell);
}

/** Milliseconds for which a healthy component shows why it was restarted. */
const RECENT_MS = 86_400_000;

/** Returns the measure of the agent, and the reason why the component is not healthy. */
function reasonOf({ reason, keep, state }: ComponentStatus, time: string): string {
  const last = keep?.last;
  const isRecent = last !== undefined && Date.parse(time) - Date.parse(last.at) < RECENT_MS;
  const restarted = state === 'healthy' && isRecent ? `restarted at ${formatTime(last.at)}: ${last.because}` : '';
  return [standingOf(keep), reason, restarted].filter((part) => part !== '').join('; ');
}

function standingOf(keep: ComponentStatus['keep']): string {
  const next = keep?.next === undefined ? '' : formatTime(keep.next);
  switch (keep?.standing) {
    case 'waiting':
      return `waiting for ${(keep.waitsFor ?? []).join(', ')}`;
    case 'recovering':
      return `restarted at ${next} if it does not recover`;
    case 'paused':
      return `not restarted: ${keep.because ?? ''}`;
    case 'backing-off':
      return `restarted again at ${next}`;
    case 'crash-loop':
      return `crash loop${next === '' ? '' : `, restarted again at ${next}`}`;
    case 'reported':
      return `not restarted by the agent${keep.remedy === undefined ? '' : `; to do so: ${keep.remedy}`}`;
    default:
      return '';
  }
}

function problemLines(status: AgentStatus, prefix = ''): string[] {
  return status.problems.map((problem) => `${prefix}${escapeControl(problem.message)}`);
}
