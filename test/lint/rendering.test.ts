import { describe, expect, it } from 'vitest';
import { tryClusters } from '../../src/lint/clusters.ts';
import { loadManifests } from '../../src/manifests/index.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { CLEAN, edited, linesOf } from './lint-sample.ts';

const AGENT = 'components/agent/component.yaml';

describe('the clusters that are tried', () => {
  it('have all roles together, each alone, lack those that may be absent, and make every choice', async () => {
    const { clusters, refusal } = tryClusters(await loadManifests(memoryTree(CLEAN)));
    expect(clusters.map(({ what }) => what)).toEqual([
      'one host has the roles "front" and "manage"',
      'each role has hosts of its own',
      'no host has the role "front"',
      'one host has the roles "front" and "manage", with database: external',
      'each role has hosts of its own, with database: external',
    ]);
    expect(refusal).toBeUndefined();
  });

  it('have each pair of three roles on one host, and as many hosts of a role as it wants at least', async () => {
    const more = {
      'roles/third.yaml': (CLEAN['roles/manage.yaml'] ?? '').replace('name: manage', 'name: third').replace('[docker, store]', '[docker]'),
    };
    const { clusters } = tryClusters(
      await loadManifests(memoryTree({ ...CLEAN, ...more, ...edited('roles/manage.yaml', 'minimum: 1', 'minimum: 2') })),
    );
    expect(clusters.map(({ what }) => what).filter((what) => !what.includes('with'))).toEqual([
      '2 hosts have the roles "front", "manage" and "third"',
      'each role has hosts of its own',
      'one host has the roles "front" and "manage"',
      'one host has the roles "front" and "third"',
      'one host has the roles "manage" and "third"',
      'no host has the role "front"',
    ]);
  });
});

describe('texts and templates', () => {
  it('that name a component which a choice leaves out are named with their line, the cluster and a way out', async () => {
    const files = { 'components/web/web.conf': `${CLEAN['components/web/web.conf']}store=\${first.store.address}\n` };
    expect(await linesOf({ files })).toEqual([
      'error m/components/web/web.conf:2:7: there is no "${first.store.address}" where one host has the roles "front" and "manage", with database: external (no host runs "store" there: write a list of values with each: store, which is then empty, or leave the component out there by when or unless)',
    ]);
  });

  it('that name a component which one mix of roles leaves out are named with the mix', async () => {
    const files = edited(
      'components/store/component.yaml',
      '"--members=${value.members}"',
      '"--members=${value.members}", "${first.web.name}"',
    );
    expect((await linesOf({ files }))[0]).toMatch(
      /^error m\/components\/store\/component.yaml:15:\d+: services\[0\]\.container\.arguments\[1\]: there is no "\$\{first\.web\.name\}" where no host has the role "front" \(/,
    );
  });

  it('that name a registry which the platform does not have are a mistake, also in a list of values', async () => {
    const lines = await linesOf({
      files: {
        ...edited(AGENT, 'image: "acme/store:1" }', 'image: "acme/store:1", arguments: ["${cluster.registry}"] }'),
        ...edited('components/store/component.yaml', 'as: "${each.address}"', 'as: "${each.address}/${cluster.registry}"'),
      },
    });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(
      /agent\/component.yaml:10:\d+: services\[0\]\.container\.arguments\[0\]: there is no "\$\{cluster.registry\}" where each role has hosts of its own \(name a value/,
    );
    expect(lines[1]).toMatch(
      /store\/component.yaml:10:\d+: values\.members: there is no "\$\{cluster.registry\}" where one host has the roles/,
    );
  });
});
