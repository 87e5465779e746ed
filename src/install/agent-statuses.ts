import { agentStatusSchema, type AgentStatus } from '../agent/index.ts';
import type { Clock } from '../core/index.ts';
import type { Host } from '../host/index.ts';
import { EXECUTABLE } from '../site/index.ts';

/** What the agent of a host says of its components, or why it says nothing. */
export type AgentAnswer = { readonly status: AgentStatus } | { readonly silence: string };

/**
 * The answers of the hosts' agents. Starting the executable takes longer than all other looks at a host together, and one
 * answer tells of every component, so a recent one is used again.
 */
export interface AgentStatuses {
  /** Asks now. */
  ask(host: Host, signal: AbortSignal): Promise<AgentAnswer>;
  /** The last answer, when nothing was changed on the host since and it is hardly older than a probe; else asks. */
  recent(host: Host, signal: AbortSignal): Promise<AgentAnswer>;
  /** Something is being changed on the host, so that what its agent said may not hold any more. */
  forget(host: string): void;
}

/** Agents probe every few seconds: what they say is not newer than that anyway. */
const RECENT_MS = 3_000;

export function agentStatuses(clock: Clock): AgentStatuses {
  const answers = new Map<string, { readonly answer: AgentAnswer; readonly at: number }>();
  const ask = async (host: Host, signal: AbortSignal): Promise<AgentAnswer> => {
    answers.delete(host.name);
    const answer = await askAgentOn(host, signal);
    answers.set(host.name, { answer, at: clock.monotonic() });
    return answer;
  };
  return {
    ask,
    recent: async (host, signal) => {
      const known = answers.get(host.name);
      return known !== undefined && clock.monotonic() - known.at <= RECENT_MS ? known.answer : ask(host, signal);
    },
    forget: (host) => void answers.delete(host),
  };
}

async function askAgentOn(host: Host, signal: AbortSignal): Promise<AgentAnswer> {
  const result = await host.run({ argv: [EXECUTABLE, '--json', 'agent', 'status'] }, { signal });
  const status = statusIn(result.stdout);
  return status === undefined ? { silence: result.stderr.trim().slice(-500) } : { status };
}

/** The status among JSON lines. A line with an error follows it when a component is not healthy. */
function statusIn(output: string): AgentStatus | undefined {
  for (const line of output.trim().split('\n')) {
    const status = agentStatusSchema.safeParse(parseJson(line));
    if (status.success) return status.data;
  }
  return undefined;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
