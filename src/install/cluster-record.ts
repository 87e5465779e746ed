import { nodeUuid, type ClusterSpec } from '../cluster/index.ts';
import { AGENT_PORT } from '../site/index.ts';

/** What `caisson cluster` on the seed needs to know: the nodes, their identities, and where their agents answer. */
export interface ClusterRecord {
  readonly name: string;
  readonly agentPort: number;
  readonly nodes: readonly { readonly name: string; readonly address: string; readonly uuid: string; readonly roles: readonly string[] }[];
}

export function clusterRecordOf(spec: ClusterSpec): ClusterRecord {
  return {
    name: spec.name,
    agentPort: AGENT_PORT,
    nodes: spec.nodes.map(({ name, address, roles }) => ({ name, address, uuid: nodeUuid(spec.name, name), roles })),
  };
}

export function formatClusterRecord(record: ClusterRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}
