import pLimit from 'p-limit';
import { agentStatusSchema, askAgent, type AgentStatus, type ClientCertificate } from '../../agent/index.ts';
import { hasCode, messageOf, type Clock } from '../../core/index.ts';
import type { Host } from '../../host/index.ts';
import { AGENT_PORT, EXECUTABLE } from '../../site/index.ts';

/** Status of a host's components from its agent, or the reason why the agent gave none. */
export type AgentAnswer = { readonly status: AgentStatus } | { readonly silence: string };

/**
 * Asks the agents of hosts for their status. A status covers all components of the host, so that gates which look at
 * the same time share one question.
 */
export interface AgentStatuses {
  /** Asks the agent, or waits for the answer to a question that is under way. */
  ask(host: Host, signal: AbortSignal): Promise<AgentAnswer>;
  /** Returns the last answer when it is at most 3 seconds old and the host was not changed since; otherwise asks. */
  recent(host: Host, signal: AbortSignal): Promise<AgentAnswer>;
  /** Drops the last answer and the question under way, because the host is being changed. */
  forget(host: string): void;
}

export interface AgentOptions {
  readonly clock: Clock;
  /** The operator's certificate. Undefined while the seed has none: then the executable on the host is asked. */
  readonly client: () => Promise<ClientCertificate | undefined>;
  /** Most agents that are asked at the same time; 32 by default. */
  readonly limit?: number;
}

/**
 * Milliseconds for which an answer is used again. Agents probe every few seconds, so a newer answer would tell the
 * same.
 */
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
    // After forget(), this question is older than the change, so its answer must not be stored.
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

/**
 * Asks through the agent's port, which takes a hundredth of the time that the executable takes to start. Falls back to
 * the executable on the host when the port does not answer.
 */
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

/** Finds the status among JSON lines. An error line may follow it, when a component is not healthy. */
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
