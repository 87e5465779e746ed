import { expect, it } from 'vitest';
import { readTopology } from '../../../src/cluster/index.ts';
import { loadManifests } from '../../../src/manifests/index.ts';
import { newSiteRecord } from '../../../src/site/index.ts';
import { standing } from '../../../src/usecases/apply/standing.ts';
import { memoryTree } from '../../support/memory-tree.ts';
import { clusterYaml, MANIFESTS, THREE_NODES } from '../../support/sample-install.ts';

it('knows no host that a component left, and no component that left every host', async () => {
  const manifests = await loadManifests(memoryTree(MANIFESTS), { root: 'manifests' });
  const topology = readTopology(clusterYaml(THREE_NODES), 'cluster.yaml', manifests);
  const record = newSiteRecord({ id: 'a', name: 'sample', seed: 'm1' });
  const before = { ...record, placements: { store: ['f1', 'm1'], gone: ['m1'] }, joined: { gone: ['m1'] } };
  expect(standing(before, topology)).toMatchObject({ placements: { store: ['m1'] }, joined: {} });
});
