import pLimit from 'p-limit';
import { agentStatusSchema, askAgent, type AgentStatus, type ClientCertificate } from '../../agent/index.ts';
import { hasCode, messageOf, type Clock } from '../../core/index.ts';
import type { Host } from '../../host/index.ts';
import { AGENT_PORT, EXECUTABLE } from '../../site/index.ts';

/** What the agent of a host says of its components, or why it says nothing. */
export type AgentAnswer = { readonly status: AgentStatus } | { readonly silence: string };

/**
 * The answers of the hosts' agents. One answer tells of every component, so gates of a host that look at the same time share
 * it, and a recent one is used again.
 */
export interface AgentStatuses {
  /** Asks now, or waits for an answer that is under way. */
  ask(host: Host, signal: AbortSignal): Promise<AgentAnswer>;
  /** The last answer, when nothing was changed on the host since and it is hardly older than a probe; else asks. */
  recent(host: Host, signal: AbortSignal): Promise<AgentAnswer>;
  /** Something is being changed on the host, so that what its agent said may not hold any more. */
  forget(host: string): void;
}

export interface AgentOptions {
  readonly clock: Clock;
  /** The operator's certificate; undefined while the seed has none. Then the host's own program is asked. */
  readonly client: () => Promise<ClientCertificate | undefined>;
  /** Agents that are asked at the same time. */
  readonly limit?: number;
}

/** Agents probe every few seconds: what they say is not newer than that anyway. */
const RECENT_MS = 3_000;
const ANSWER_TIMEOUT_MS = 5_000;

export function agentStatuses({ clock, client, limit = 32 }: AgentOptions): AgentStatuses {
  const answers = new Map<string, { readonly answer: AgentAnswer; readonly at: number }>();
  const asking = new Map<string, Promise<AgentAnswer>>();
  const limited = pLimit(limit);
  const ask = async (host: Host, signal: AbortSignal): Promise<AgentAnswer> => {
    const known = asking.get(host.name);
    if (known !== undefined) return known;
    answers.delete(host.name);
    const asked = limited(() => askHostAgent(host, client, signal));
    asking.set(host.name, asked);
    // A question that was forgotten meanwhile was asked before the change: its answer is not used again.
    const isCurrent = (): boolean => asking.get(host.name) === asked;
    try {
      const answer = await asked;
      if (isCurrent()) answers.set(host.name, { answer, at: clock.monotonic() });
      return answer;
    } finally {
      if (isCurrent()) asking.delete(host.name);
    }
  };
  return {
    ask,
    recent: async (host, signal) => {
      const known = answers.get(host.name);
      return known !== undefined && clock.monotonic() - known.at <= RECENT_MS ? known.answer : ask(host, signal);
    },
    forget: (host) => {
      answers.delete(host);
      asking.delete(host);
    },
  };
}

/** Over the agent's own port, which costs a hundredth of starting the program on the host; that is asked where the port is not to be had. */
async function askHostAgent(host: Host, client: AgentOptions['client'], signal: AbortSignal): Promise<AgentAnswer> {
  const certificate = await client();
  if (certificate !== undefined) {
    try {
      return { status: await askAgent(host.address, AGENT_PORT, certificate, { timeoutMs: ANSWER_TIMEOUT_MS, signal }) };
    } catch (error) {
      if (!hasCode(error, 'AGENT_UNREACHABLE')) throw error;
      return askProgram(host, signal, messageOf(error));
    }
  }
  return askProgram(host, signal, '');
}

async function askProgram(host: Host, signal: AbortSignal, before: string): Promise<AgentAnswer> {
  const result = await host.run({ argv: [EXECUTABLE, '--json', 'agent', 'status'] }, { signal });
  const status = statusIn(result.stdout);
  return status === undefined ? { silence: result.stderr.trim().slice(-500) || before } : { status };
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
