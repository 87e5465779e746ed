import { CaissonError, errnoOf, messageOf } from '../core/index.ts';
import { getJson, type RequestOptions } from '../health/index.ts';
import { sleep } from '../io/index.ts';
import { agentStatusSchema, type AgentStatus } from './status.ts';

/** PEM texts: certificate and key of the client, and the authority that must have issued the certificate of the agent. */
export interface ClientCertificate {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

export interface AskOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Asks the agent of a node over mutual TLS. Throws AGENT_UNREACHABLE when no valid status arrives within the timeout. */
export async function askAgent(address: string, port: number, client: ClientCertificate, options: AskOptions): Promise<AgentStatus> {
  const place = `${address.includes(':') ? `[${address}]` : address}:${port}`;
  return askStatus(`https://${place}/v1/status`, place, { ...options, client, authority: client.authority });
}

/**
 * Asks the agent of this machine through its socket. Throws AGENT_UNREACHABLE when no valid status arrives within the
 * timeout.
 */
export async function askLocalAgent(socketPath: string, options: AskOptions): Promise<AgentStatus> {
  return askStatus('http://agent/v1/status', socketPath, { ...options, socketPath });
}

/** Milliseconds to wait until an agent that was just started listens on its socket. */
const STARTING_MS = 15_000;
const STARTING_LOOK_MS = 250;

/**
 * Makes the agent of this machine read its definitions again, and resolves to the status after that. Waits up to
 * STARTING_MS for an agent that is starting. Throws AGENT_UNREACHABLE when no valid status arrives.
 */
export async function reloadLocalAgent(socketPath: string, options: AskOptions): Promise<AgentStatus> {
  const deadline = performance.now() + STARTING_MS;
  for (;;) {
    try {
      return await askStatus('http://agent/v1/reload', socketPath, { ...options, socketPath, method: 'POST' });
    } catch (error) {
      const starting = error instanceof Error && ['ENOENT', 'ECONNREFUSED'].includes(errnoOf(error.cause) ?? '');
      if (!starting || performance.now() >= deadline) throw error;
      await sleep(STARTING_LOOK_MS, options.signal);
    }
  }
}

async function askStatus(url: string, place: string, options: RequestOptions): Promise<AgentStatus> {
  try {
    return parseStatus(await getJson(url, options));
  } catch (error) {
    options.signal.throwIfAborted();
    throw new CaissonError('AGENT_UNREACHABLE', `Cannot ask the agent at "${place}": ${reasonOf(error, options)}`, {
      cause: error,
      hint: 'Look at it on the node: systemctl status caisson-agent',
    });
  }
}

/**
 * Names the cause for a reset connection: an agent closes it without a message when it does not trust the client's
 * certificate.
 */
function reasonOf(error: unknown, options: RequestOptions): string {
  if (options.client === undefined || errnoOf(error) !== 'ECONNRESET') return messageOf(error);
  return 'it ended the connection, as it does when a certificate is not of its authority, or not that of an operator';
}

function parseStatus(answer: unknown): AgentStatus {
  const result = agentStatusSchema.safeParse(answer);
  if (result.success) return result.data;
  throw new Error(`its answer is not a status: ${result.error.issues[0]?.path.join('.') ?? ''}`);
}
