import { readFile } from 'node:fs/promises';
import {
  askLocalAgent,
  NodeAgent,
  parseAgentConfig,
  readBootId,
  reloadLocalAgent,
  serveStatus,
  type AgentConfig,
} from '../../agent/index.ts';
import { CaissonError, messageOf } from '../../core/index.ts';
import { openLocalHost } from '../../host/index.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { faultsOfNode } from './status-faults.ts';
import { formatAgentStatus } from './status-table.ts';

const DEFAULT_CONFIG = '/etc/caisson/agent.yaml';
const STATUS_TIMEOUT_MS = 10_000;
/** A reload stops the services that have no definition any more, and each may need its full stop time. */
const RELOAD_TIMEOUT_MS = 300_000;

interface AgentFlags {
  readonly config: string;
}

/**
 * `caisson agent run|status|reload`: runs the agent of a node, asks it for its status, tells it to read its definitions
 * again.
 */
export const registerAgent: RegisterCommand = (program, run) => {
  const agent = program.command('agent').description('keep the services of this node, or ask about them');
  const config = ['--config <file>', 'configuration of the agent', DEFAULT_CONFIG] as const;

  agent
    .command('run')
    .description('keep the services of this node until stopped; systemd runs this')
    .option(...config)
    .action((flags: AgentFlags) => run((context) => runAgent(flags, context)));

  agent
    .command('status')
    .description('print the components of this node, their states and since when; exit status 6 when one is not healthy')
    .option(...config)
    .action((flags: AgentFlags) =>
      run(async (context) => {
        const { socket } = await readConfig(flags.config);
        const status = await askLocalAgent(socket, { timeoutMs: STATUS_TIMEOUT_MS, signal: context.signal });
        context.print({ text: formatAgentStatus(status), data: status });
        const faults = faultsOfNode(status);
        if (faults.length > 0)
          throw new CaissonError('NODE_UNHEALTHY', `The node "${status.node.name}" is not healthy: ${faults.join(', ')}`, {
            hint: 'The table above says why; journalctl -u NAME says more',
          });
      }),
    );

  agent
    .command('reload')
    .description('have the agent read its service definitions again, now')
    .option(...config)
    .action((flags: AgentFlags) =>
      run(async (context) => {
        const { socket } = await readConfig(flags.config);
        const status = await reloadLocalAgent(socket, { timeoutMs: RELOAD_TIMEOUT_MS, signal: context.signal });
        context.print({ text: formatAgentStatus(status), data: status });
        if (status.problems.length === 0) return;
        const problems = status.problems.map(({ message }) => `  ${message}`).join('\n');
        throw new CaissonError('AGENT_RELOAD_FAILED', `Cannot apply every definition on "${status.node.name}":\n${problems}`);
      }),
    );

  agent
    .command('copy-out')
    .description('copy a file out of the layers of an image; installs do this where there is no container engine')
    .argument('<member>', 'path of the file in the image')
    .argument('<target>', 'path of the copy')
    .argument('<layer...>', 'files of the layers, lowest first')
    .action((member: string, target: string, layers: readonly string[]) =>
      run(async () => {
        // Its libraries would be a part of the memory of every agent that runs.
        const { copyOutOfLayers } = await import('../../sources/index.ts');
        await copyOutOfLayers(layers, member, target);
      }),
    );
};

async function runAgent(flags: AgentFlags, context: CommandContext): Promise<void> {
  const { signal, emit, clock, version } = context;
  const config = await readConfig(flags.config);
  const host = openLocalHost({ name: config.node.name, address: config.node.address });
  const agent = new NodeAgent({ config, host, clock, version, emit, bootId: await readBootId() });
  // When a bug ends one of the two, the other stops, too, and systemd restarts the agent.
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const work = [agent.run(both), serveStatus(agent, config, both, emit)].map((part) => part.finally(() => stop.abort()));
  emit({ type: 'note', message: `Keeping the services of "${config.node.name}" that "${config.definitions}" defines` });
  const results = await Promise.allSettled(work);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

async function readConfig(file: string): Promise<AgentConfig> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${file}": ${messageOf(error)}`, {
      cause: error,
      hint: 'The installer writes it on every node; name another with --config',
    });
  }
  return parseAgentConfig(text, file);
}
