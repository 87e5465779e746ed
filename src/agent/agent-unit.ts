import { formatUnitFile } from '../host/index.ts';

/**
 * Options of the agent's Node. It has little to do, again and again: compiled code would take more memory, and about as much processor
 * time to compile as it saves. The small semi-space has garbage collected before it spreads.
 */
export const AGENT_NODE_OPTIONS = '--jitless --max-semi-space-size=1';

export interface AgentUnitRequest {
  /** Absolute path of the caisson executable on the node. */
  readonly executable: string;
  /** Absolute path of the agent's configuration. */
  readonly config: string;
}

/**
 * Returns the text of caisson-agent.service. systemd, not the agent, is the parent of the units that the agent makes.
 * So the limits here hold for the agent alone, and stopping it stops no service.
 */
export function agentUnit({ executable, config }: AgentUnitRequest): string {
  const command = (verb: string): { readonly argv: readonly string[] } => ({ argv: [executable, 'agent', verb, '--config', config] });
  return formatUnitFile({
    description: 'Caisson node agent',
    after: ['network.target'],
    startLimitIntervalSec: 0,
    type: 'simple',
    execStart: command('run'),
    execReload: command('reload'),
    restart: 'always',
    restartSec: 5,
    limitNofile: 65_536,
    environment: { NODE_OPTIONS: AGENT_NODE_OPTIONS },
    settings: { TasksMax: '512', MemoryMax: '512M', OOMScoreAdjust: '-500' },
  });
}
