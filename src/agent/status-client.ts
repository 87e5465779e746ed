import { request as httpRequest, type IncomingMessage, type ClientRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { CaissonError, errnoOf, messageOf } from '../core/index.ts';
import { readLimited, sleep } from '../io/index.ts';
import { agentStatusSchema, type AgentStatus } from './status.ts';

const MAX_STATUS_BYTES = 1024 * 1024;

/** PEM texts of whoever asks, and of the authority that the agent's certificate must be of. */
export interface ClientCertificate {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

export interface AskOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Asks a node's agent over mutual TLS. Throws AGENT_UNREACHABLE for anything but a status within the timeout. */
export async function askAgent(address: string, port: number, client: ClientCertificate, options: AskOptions): Promise<AgentStatus> {
  const request = httpsRequest({
    host: address,
    port,
    path: '/v1/status',
    cert: client.certificate,
    key: client.key,
    ca: client.authority,
    minVersion: 'TLSv1.3',
    agent: false,
    signal: options.signal,
  });
  return exchange(request, `${address}:${port}`, options);
}

/** Asks the agent of this machine through its socket. Throws AGENT_UNREACHABLE. */
export async function askLocalAgent(socketPath: string, options: AskOptions): Promise<AgentStatus> {
  const request = httpRequest({ socketPath, path: '/v1/status', agent: false, signal: options.signal });
  return exchange(request, socketPath, options);
}

/** An agent that has just been started takes a moment to listen. */
const STARTING_MS = 15_000;
const STARTING_LOOK_MS = 250;

/**
 * Has the agent of this machine read its definitions again, and resolves to the status after that. Waits a while for an
 * agent that is being started. Throws AGENT_UNREACHABLE.
 */
export async function reloadLocalAgent(socketPath: string, options: AskOptions): Promise<AgentStatus> {
  const deadline = performance.now() + STARTING_MS;
  for (;;) {
    try {
      const request = httpRequest({ socketPath, path: '/v1/reload', method: 'POST', agent: false, signal: options.signal });
      return await exchange(request, socketPath, options);
    } catch (error) {
      const starting = error instanceof Error && ['ENOENT', 'ECONNREFUSED'].includes(errnoOf(error.cause) ?? '');
      if (!starting || performance.now() >= deadline) throw error;
      await sleep(STARTING_LOOK_MS, options.signal);
    }
  }
}

async function exchange(request: ClientRequest, place: string, options: AskOptions): Promise<AgentStatus> {
  const timer = setTimeout(() => request.destroy(new Error(`no answer within ${options.timeoutMs / 1000} s`)), options.timeoutMs);
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.on('response', resolve);
      request.on('error', reject);
      request.end();
    });
    const text = (await readLimited(response, MAX_STATUS_BYTES, `the status of "${place}"`)).toString('utf8');
    if (response.statusCode !== 200) throw new Error(`it answers ${response.statusCode ?? 0}`);
    return parseStatus(text);
  } catch (error) {
    options.signal.throwIfAborted();
    // Several addresses tried in vain are one error without a message.
    const reason = messageOf(error) === '' ? (errnoOf(error) ?? 'no connection') : messageOf(error);
    throw new CaissonError('AGENT_UNREACHABLE', `Cannot ask the agent at "${place}": ${reason}`, {
      cause: error,
      hint: 'Look at it on the node: systemctl status caisson-agent',
    });
  } finally {
    clearTimeout(timer);
  }
}

function parseStatus(text: string): AgentStatus {
  const result = agentStatusSchema.safeParse(JSON.parse(text));
  if (result.success) return result.data;
  throw new Error(`its answer is not a status: ${result.error.issues[0]?.path.join('.') ?? ''}`);
}
