import { isAbsolute } from 'node:path';
import * as z from 'zod';
import { parseYaml } from '../io/index.ts';
import { serviceNeed } from './keep/needs.ts';

export const AGENT_SOCKET = '/run/caisson/agent.sock';
/** The record that the node keeps of its site. It says whether a run is changing the node. */
export const AGENT_RECORD = '/etc/caisson/site.json';

const absolutePath = z.string().refine(isAbsolute, 'is not an absolute path');
const text = z.string().min(1);

const agentConfig = z.strictObject({
  apiVersion: z.literal('caisson/v1'),
  kind: z.literal('AgentConfig'),
  cluster: text,
  node: z.strictObject({ name: text, address: text, uuid: text, roles: z.array(text) }),
  /** Directory of service definitions. */
  definitions: absolutePath,
  /** Directory of the state file. */
  state: absolutePath,
  units: absolutePath.default('/etc/systemd/system'),
  socket: absolutePath.default(AGENT_SOCKET),
  listen: z.strictObject({ address: text, port: z.int().min(0).max(65_535) }),
  tls: z.strictObject({ certificate: absolutePath, key: absolutePath, authority: absolutePath }),
  record: absolutePath.default(AGENT_RECORD),
  /** Components that each service needs, by name of the service. It is not restarted while they are down. */
  needs: z.record(z.string(), z.array(serviceNeed)).default({}),
  /** Certificates whose ends are in the metrics, each with the component that it belongs to. */
  certificates: z.array(z.strictObject({ component: text, name: text, path: absolutePath })).default([]),
  /** Directories whose file systems are in the metrics. */
  directories: z.array(absolutePath).default([]),
  /** Values for `${NAME}` in commands of definitions, by NAME. A single text becomes a list with one item. */
  values: z.record(z.string(), z.union([z.string().transform((value) => [value]), z.array(z.string())])).default({}),
});

/** The content of /etc/caisson/agent.yaml, kind AgentConfig. */
export type AgentConfig = Readonly<z.output<typeof agentConfig>>;

/** Reads the agent's configuration. Throws InvalidInputError with every mistake and its position. */
export function parseAgentConfig(content: string, file: string): AgentConfig {
  return parseYaml(content, file, agentConfig);
}

export type AgentConfigInput = Omit<z.input<typeof agentConfig>, 'apiVersion' | 'kind'>;

/** Formats a configuration so that parseAgentConfig can read it: JSON, which is also YAML. */
export function formatAgentConfig(config: AgentConfigInput): string {
  return `${JSON.stringify({ apiVersion: 'caisson/v1', kind: 'AgentConfig', ...config }, null, 2)}\n`;
}
