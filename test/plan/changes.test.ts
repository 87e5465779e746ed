import { describe, expect, it } from 'vitest';
import { parseClusterSpec, resolveTopology, type Topology } from '../../src/cluster/index.ts';
import { loadManifests } from '../../src/manifests/index.ts';
import {
  claimedResources,
  consequencesOf,
  hostOfChange,
  isIdle,
  isMaking,
  movedData,
  ownerOfChange,
  settledResources,
  type Change,
  type MakeStep,
  type Making,
  type Removal,
  type RemoveStep,
  type Staying,
} from '../../src/plan/index.ts';
import { OWNERS } from '../../src/resources/index.ts';
import { describeStage } from '../../src/plan/stages.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { clusterYaml, MANIFESTS, ONE_NODE, THREE_NODES, type SampleNode } from '../support/sample-install.ts';
import { sampleFile, sampleResource } from './sample-changes.ts';

function making(key: string, parts: Partial<Making> = {}): Making {
  const { resource = sampleFile(key) } = parts;
  const { kind, owner } = resource;
  return { action: 'add', resource, reason: 'it is not there yet', replaces: false, owned: { kind, key: resource.key, owner }, ...parts };
}

function removal(key: string, parts: Partial<Removal> = {}, owner = 'web'): Removal {
  return { action: 'remove', host: 'n1', owned: { kind: 'file', key, owner }, reason: 'it goes', end: 'gone', ...parts };
}

const keeping: Change = { action: 'keep', resource: sampleFile('/kept'), owned: { kind: 'file', key: '/kept', owner: 'web' } };
const above: Change = { action: 'keep', resource: sampleFile('/above'), owned: undefined };
const staying: Staying = { action: 'keep', host: 'n1', owned: { kind: 'directory', key: '/data', owner: 'store', data: true, kept: true } };

describe('a change', () => {
  it('makes something, or needs no step, or neither', () => {
    const rows = [making('/a'), making('/a', { action: 'change' }), keeping, staying, removal('/a')];
    expect(rows.map(isMaking)).toEqual([true, true, false, false, false]);
    expect(rows.map(isIdle)).toEqual([false, false, true, true, false]);
  });

  it('that removes nothing, as data stay since an earlier run, needs no step', () => {
    const owned = { kind: 'directory', key: '/d', owner: 'store', data: true };
    expect(isIdle(removal('/d', { end: 'kept', owned: { ...owned, kept: true } }))).toBe(true);
    expect(isIdle(removal('/d', { end: 'kept', owned }))).toBe(false);
    expect(isIdle(removal('/d', { end: 'gone', owned: { ...owned, kept: true } }))).toBe(false);
    expect(isIdle(making('/d', { owned: { ...owned, kept: true } }))).toBe(false);
  });

  it('has the host and the owner of its resource, or of the record', () => {
    const elsewhere = making('/a', { resource: sampleFile('/a', { host: 'n2', owner: 'store' }) });
    expect(
      [elsewhere, keeping, staying, removal('/a', { host: 'n3' }, 'engine')].map((one) => `${hostOfChange(one)} ${ownerOfChange(one)}`),
    ).toEqual(['n2 store', 'n1 web', 'n1 store', 'n3 engine']);
  });
});

describe('the record of a run', () => {
  const changes: readonly Change[] = [
    making('/z'),
    removal('/going'),
    removal('/data', { end: 'kept' }),
    removal('/left', { end: 'left' }),
    staying,
    keeping,
    above,
    making('/b', { resource: sampleFile('/b', { host: 'n2' }) }),
  ];
  const keysOf = (lists: ReturnType<typeof claimedResources>) => [...lists].map(([host, list]) => [host, list.map(({ key }) => key)]);

  it('claims what is there and what will be, in one order', () => {
    expect(keysOf(claimedResources(changes))).toEqual([
      ['n1', ['/data', '/data', '/going', '/kept', '/left', '/z']],
      ['n2', ['/b']],
    ]);
    expect(
      claimedResources([...changes].reverse())
        .get('n1')
        ?.map(({ key }) => key),
    ).toEqual(
      claimedResources(changes)
        .get('n1')
        ?.map(({ key }) => key),
    );
  });

  it('settles on what stays, and marks the data that are kept', () => {
    expect(keysOf(settledResources(changes))).toEqual([
      ['n1', ['/data', '/data', '/kept', '/z']],
      ['n2', ['/b']],
    ]);
    const [kept] = settledResources([removal('/data', { end: 'kept' })]).get('n1') ?? [];
    expect(kept).toEqual({ kind: 'file', key: '/data', owner: 'web', kept: true });
  });

  it('lists a host that is left with nothing, so that its record is written', () => {
    expect([...settledResources([removal('/a')])]).toEqual([['n1', []]]);
  });
});

describe('movedData', () => {
  const owned = { kind: 'directory', key: '/old', owner: 'store', data: true };
  const leaving = removal('/old', { end: 'kept', owned });
  const fresh = (
    parts: Parameters<typeof sampleResource<'directory'>>[0]['spec'] = { mode: 0o700, contents: 'data' },
    host = 'n1',
    owner = 'store',
  ) => making('/new', { resource: sampleResource({ kind: 'directory', key: '/new', spec: parts, host, owner }) });

  it('names the host whose component would start without its data', () => {
    const conflict = {
      where: 'n1',
      problem: 'the data of store are in /old, and it would start empty in /new',
      remedy: 'Undo the change of the variable or manifest that names the directory',
    };
    expect(movedData([leaving, fresh()])).toEqual([conflict]);
    expect(movedData([{ ...staying, owned: { ...owned, kept: true } }, fresh()])).toEqual([conflict]);
  });

  it.each<readonly [string, readonly Change[]]>([
    ['nothing new comes', [leaving]],
    ['the new directory is on another host', [leaving, fresh(undefined, 'n2')]],
    ['the new directory is of another owner', [leaving, fresh(undefined, 'n1', 'web')]],
    ['the new directory holds no data', [leaving, fresh({ mode: 0o700, contents: 'ours' })]],
    ['what is new is no directory', [leaving, making('/new', { resource: sampleFile('/new', { owner: 'store' }) })]],
    ['the directory is there already', [leaving, { ...fresh(), action: 'change' }]],
    ['data are purged', [{ ...leaving, end: 'gone' }, fresh()]],
    ['what stays holds no data', [removal('/old', { end: 'kept' }, 'store'), fresh()]],
    ['the directory with data stays wanted', [{ ...keeping, resource: sampleFile('/kept', { owner: 'store' }) }, fresh()]],
  ])('finds nothing where %s', (_, changes) => {
    expect(movedData(changes)).toEqual([]);
  });
});

describe('consequencesOf', () => {
  async function topologyOf(nodes: readonly SampleNode[]): Promise<Topology> {
    return resolveTopology(parseClusterSpec(clusterYaml(nodes), 'cluster.yaml'), await loadManifests(memoryTree(MANIFESTS)));
  }
  const head = { id: 'x/x/x', phase: 'x', summary: 'x', needs: [] };
  const make = (host: string, restarts: readonly string[]): MakeStep => ({
    ...head,
    type: 'make',
    host,
    owner: 'x',
    makings: [],
    restarts,
  });
  const remove = (host: string, owner: string): RemoveStep => ({ ...head, type: 'remove', host, owner, removals: [] });

  it('names what restarts, and what nobody serves meanwhile', async () => {
    const topology = await topologyOf(THREE_NODES);
    expect(consequencesOf([make('m1', ['docker', 'store']), make('f1', ['web']), make('f1', [])], topology)).toEqual([
      { host: 'm1', component: 'docker', what: 'restarts', unserved: [] },
      { host: 'm1', component: 'store', what: 'restarts', unserved: ['web'] },
      { host: 'f1', component: 'web', what: 'restarts', unserved: [] },
    ]);
    expect(consequencesOf([make('n1', ['docker'])], await topologyOf(ONE_NODE))).toMatchObject([{ unserved: ['store', 'web'] }]);
  });

  it('names a component that leaves a host, and neither one that stays nor what is no component', async () => {
    const topology = await topologyOf(THREE_NODES);
    const steps = [remove('f1', 'store'), remove('f1', 'web'), remove('f1', OWNERS.host), remove('f1', 'gone')];
    expect(consequencesOf(steps, topology)).toEqual([{ host: 'f1', component: 'store', what: 'is removed', unserved: [] }]);
  });
});

describe('describeStage', () => {
  const change = making('/b', { action: 'change' });
  const reload = making('/c', { action: 'change', isReload: true });

  it.each<readonly [string, readonly Making[]]>([
    ['start web', [making('/a')]],
    ['restart web', [making('/a'), change]],
    ['restart web', [reload, change]],
    ['reload web', [reload]],
    ['start web', [making('/a'), reload]],
    ['start web', []],
  ])('says %s', (summary, makings) => {
    expect(describeStage('start', 'web', makings)).toEqual({ phase: 'start-components', summary });
  });

  it('names what is made, in words of its owner', () => {
    const both = [making('/a'), making('/b')];
    expect(describeStage('packages', 'web', both)).toEqual({ phase: 'install-packages', summary: 'install packages for web: /a, /b' });
    expect(describeStage('packages', OWNERS.host, both).summary).toBe('install packages of its roles: /a, /b');
    const phases = (['bundle', 'executable', 'start', 'configure'] as const).map((stage) => describeStage(stage, OWNERS.seed, both));
    expect(phases.map(({ phase, summary }) => `${phase}: ${summary}`)).toEqual([
      'stage-bundle: copy and verify the bundle',
      'stage-bundle: place the program of the bundle',
      'start-depot: serve the bundle',
      'start-depot: make the certificate authority and the keys of this site',
    ]);
    const own = (['source', 'executable', 'start', 'configure'] as const).map((stage) => describeStage(stage, OWNERS.host, both));
    expect(new Set(own.map(({ summary }) => summary)).size).toBe(4);
    expect(new Set(own.map(({ phase }) => phase))).toEqual(new Set(['prepare-hosts']));
  });
});
