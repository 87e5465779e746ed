import { describe, expect, it } from 'vitest';
import { nodeUuid, parseClusterSpec } from '../../src/cluster/index.ts';
import { clusterRecordOf, formatClusterRecord } from '../../src/install/cluster-record.ts';
import { clusterYaml, THREE_NODES } from './sample-install.ts';

describe('the record of a cluster', () => {
  it('says where every agent answers and who it is, in the order of cluster.yaml', () => {
    const record = clusterRecordOf(parseClusterSpec(clusterYaml(THREE_NODES), 'cluster.yaml'));
    expect(record).toMatchObject({ name: 'sample', agentPort: 6100 });
    expect(record.nodes.map(({ name, address }) => `${name} ${address}`)).toEqual(['m1 10.0.0.11', 'f1 10.0.0.12', 'f2 10.0.0.13']);
    expect(record.nodes[0]).toEqual({ name: 'm1', address: '10.0.0.11', uuid: nodeUuid('sample', 'm1'), roles: ['manage'] });
    expect(JSON.parse(formatClusterRecord(record))).toEqual(record);
  });

  it('is the same text for the same cluster, so that a second run finds nothing to write', () => {
    const text = (): string => formatClusterRecord(clusterRecordOf(parseClusterSpec(clusterYaml(THREE_NODES), 'cluster.yaml')));
    expect(text()).toBe(text());
    expect(text()).toMatch(/\n$/);
  });
});
