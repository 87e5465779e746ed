import { readFile } from 'node:fs/promises';
import { askAgent, type ClientCertificate } from '../../agent/index.ts';
import { CaissonError, messageOf } from '../../core/index.ts';
import { AGENT_PORT, operatorPaths } from '../../site/index.ts';
import type { NodeReport } from './status-table.ts';

const ANSWER_TIMEOUT_MS = 5000;

/** A node as the record of the site has it. */
export interface RecordedNode {
  readonly name: string;
  readonly address: string;
  readonly uuid: string;
  readonly roles: readonly string[];
}

/** Asks the agent of a node for the state of its components. An agent that does not answer becomes part of the report. */
export async function askNode(node: RecordedNode, client: ClientCertificate, signal: AbortSignal): Promise<NodeReport> {
  try {
    const status = await askAgent(node.address, AGENT_PORT, client, { timeoutMs: ANSWER_TIMEOUT_MS, signal });
    if (status.node.uuid === node.uuid) return { ...node, status };
    return { ...node, unreachable: `another node answers there: "${status.node.name}" (${status.node.uuid})` };
  } catch (error) {
    signal.throwIfAborted();
    return { ...node, unreachable: messageOf(error) };
  }
}

/** Reads the operator's certificate from a directory of the seed. Throws INPUT_UNREADABLE. */
export async function readClient(pki: string): Promise<ClientCertificate> {
  const paths = operatorPaths({ pki });
  const hint = 'Run this as root on the seed, where the installer put the certificate';
  const [certificate, key, authority] = await Promise.all([
    readOrExplain(paths.certificate, hint),
    readOrExplain(paths.key, hint),
    readOrExplain(paths.authority, hint),
  ]);
  return { certificate, key, authority };
}

async function readOrExplain(file: string, hint: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${file}": ${messageOf(error)}`, { cause: error, hint });
  }
}
