import { HOSTS_AT_ONCE, MOST_LOG_LINES } from '../../host/index.ts';
import { CaissonError } from '../../core/index.ts';
import { escapeControl, formatTime } from '../../ui/index.ts';
import { readLogs, type NodeLogEntry } from '../../usecases/index.ts';
import { collect } from '../collect.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { numberUpTo } from '../number-up-to.ts';
import { siteOptions } from '../site/index.ts';

interface Flags {
  readonly node?: readonly string[];
  readonly lines: number;
  readonly since?: string;
  readonly follow?: boolean;
  readonly cluster?: string;
}

/** `caisson logs`: the messages of a component from the journals of its nodes. */
export const registerLogs: RegisterCommand = (program, run) => {
  program
    .command('logs')
    .description('print the last messages of a component on its nodes, as journald has them; run it on the seed, as root')
    .argument('<component>', 'a component of the platform, or a part of Caisson itself: agent, backup, depot, renewal')
    .option('--node <name>', 'ask this node alone (may be repeated)', collect)
    .option('--lines <number>', 'messages of each node', numberUpTo(MOST_LOG_LINES), 100)
    .option('--since <time>', 'none that are older, such as =-1h or "2026-01-31 10:00", by the clock of the node')
    .option('--follow', 'go on with new messages, until interrupted')
    .option('--cluster <file>', 'cluster.yaml (default: the file of the last run)')
    .action((component: string, flags: Flags) => run((context) => printLogs(component, flags, context)));
};

async function printLogs(
  component: string,
  { node: nodes, lines, since, follow, ...flags }: Flags,
  context: CommandContext,
): Promise<void> {
  const show = (entries: readonly NodeLogEntry[]): void => {
    for (const entry of entries) context.print({ text: lineOf(entry), data: entry });
  };
  const findings = await readLogs(
    siteOptions({ ...flags, parallel: HOSTS_AT_ONCE }, context),
    { component, nodes, lines, since, follow },
    show,
  );
  const [first] = findings;
  if (first === undefined) return;
  throw new CaissonError(
    'HOST_UNREACHABLE',
    `Cannot read the messages of "${component}" on every node: ${findings.map(({ host, problem }) => `"${host}": ${problem}`).join('; ')}`,
    {
      hint: first.remedy,
    },
  );
}

/** Messages come from programs: control characters are escaped, and the lines of one message stay together. */
function lineOf({ time, node, unit, message }: NodeLogEntry): string {
  const head = `${formatTime(time)} ${node} ${unit.replace(/\.service$/, '')}: `;
  return message
    .split('\n')
    .map((line, index) => `${index === 0 ? head : ' '.repeat(head.length)}${escapeControl(line)}`)
    .join('\n');
}
