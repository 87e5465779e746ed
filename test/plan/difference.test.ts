import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/index.ts';
import { settledResources } from '../../src/plan/claims.ts';
import { difference } from '../../src/plan/difference.ts';
import { fixedContent, OWNERS, type Found, type Resource } from '../../src/resources/index.ts';
import { newSiteRecord, type OwnedResource, type SiteRecord } from '../../src/site/index.ts';
import { sampleFile, sampleResource } from './sample-changes.ts';

function recordOf(...owned: readonly OwnedResource[]): SiteRecord {
  const record = newSiteRecord({ id: 'a', name: 'sample', seed: 'n1' });
  return { ...record, hosts: { n1: { address: '10.0.0.11', roles: ['front'], owned: [...owned] } } };
}

const data: OwnedResource = { kind: 'directory', key: '/opt/sample/data', owner: 'store', data: true };

describe('data of an owner that is gone', () => {
  it('are said to stay by the run in which it goes', () => {
    expect(difference([], new Map(), recordOf(data))).toMatchObject([{ action: 'remove', end: 'kept' }]);
  });

  it('keep the directories above them in the record, which a purge removes with them', () => {
    const above = { kind: 'directory', key: posix.dirname(data.key), owner: 'caisson' } as const;
    const beside = { kind: 'directory', key: `${above.key}-2`, owner: 'caisson' } as const;
    const changes = difference([], new Map(), recordOf(data, above, beside));
    expect(changes).toMatchObject([
      { action: 'remove', end: 'kept', owned: data },
      { action: 'remove', end: 'kept', owned: above },
      { action: 'remove', end: 'gone', owned: beside },
    ]);
    expect(settledResources(changes).get('n1')).toEqual([
      { ...above, kept: true },
      { ...data, kept: true },
    ]);
    const purged = difference([], new Map(), recordOf({ ...data, kept: true }, { ...above, kept: true }), { purge: true });
    expect(purged.map(({ action }) => action)).toEqual(['remove', 'remove']);
  });

  it('take no directory along that was there before, and say of one that stays for its own data only that', () => {
    const own = (key: string, parts: Partial<OwnedResource> = {}): OwnedResource => ({
      kind: 'directory',
      key,
      owner: 'caisson',
      ...parts,
    });
    const before = own('/opt', { before: 'same' });
    const outer = own('/opt/sample', { data: true });
    const earlier = own('/opt/sample/older', { data: true, kept: true });
    const inner = own('/opt/sample/older/data', { data: true });
    expect(difference([], new Map(), recordOf(before, outer, earlier, inner))).toEqual([
      { action: 'remove', host: 'n1', owned: before, reason: 'it was there before', end: 'left' },
      { action: 'remove', host: 'n1', owned: outer, reason: 'it holds data', end: 'kept' },
      { action: 'keep', host: 'n1', owned: earlier },
      { action: 'remove', host: 'n1', owned: inner, reason: 'it holds data', end: 'kept' },
    ]);
  });

  it('keep the directory above them also where an earlier run left them there', () => {
    const above: OwnedResource = { kind: 'directory', key: posix.dirname(data.key), owner: 'caisson' };
    const earlier = { ...data, kept: true };
    expect(difference([], new Map(), recordOf(above, earlier))).toEqual([
      { action: 'remove', host: 'n1', owned: above, reason: 'it has data below it', end: 'kept' },
      { action: 'keep', host: 'n1', owned: earlier },
    ]);
  });

  it('keep the directory above them on their own host alone, and nothing that is no directory', () => {
    const above: OwnedResource = { kind: 'directory', key: '/opt', owner: 'caisson' };
    const link: OwnedResource = { kind: 'link', key: '/opt/sample', owner: 'caisson' };
    const record = recordOf(link, data);
    const elsewhere = { ...record, hosts: { ...record.hosts, n2: { address: '10.0.0.12', roles: [], owned: [above] } } };
    expect(difference([], new Map(), elsewhere)).toMatchObject([
      { host: 'n1', end: 'gone', owned: link },
      { host: 'n1', end: 'kept', owned: data },
      { host: 'n2', end: 'gone', owned: above },
    ]);
  });

  it('are no change of any later run, until they are purged', () => {
    const kept = { ...data, kept: true };
    expect(difference([], new Map(), recordOf(kept))).toEqual([{ action: 'keep', host: 'n1', owned: kept }]);
    expect(difference([], new Map(), recordOf(kept), { purge: true })).toMatchObject([{ action: 'remove', end: 'gone' }]);
  });
});

describe('an image', () => {
  const image: Resource = {
    kind: 'image',
    host: 'n1',
    owner: 'web',
    key: 'registry.example/web:1',
    digest: digestOf('new'),
    spec: { name: 'registry.example/web:1', config: digestOf('new'), source: 'depot:5443/web@sha256:new' },
  };
  const different = new Map<Resource, Found>([[image, { state: 'different', why: 'another image has its name' }]]);
  const before: OwnedResource = { kind: 'image', key: image.key, owner: 'web', details: { source: 'depot:5443/web@sha256:old' } };

  it('takes the bytes that it replaces along', () => {
    expect(difference([image], different, recordOf(before))).toMatchObject([
      { action: 'change' },
      { action: 'remove', end: 'gone', owned: { kind: 'image', key: 'depot:5443/web@sha256:old', owner: 'web' } },
    ]);
  });

  it('leaves what was there before the site', () => {
    expect(difference([image], different, recordOf({ ...before, before: 'same' }))).toMatchObject([{ action: 'change' }]);
  });
});

describe('a resource that is wanted', () => {
  const file = sampleFile('/etc/a.conf', { digest: digestOf('new') });
  const owned: OwnedResource = { kind: 'file', key: '/etc/a.conf', owner: 'web', digest: digestOf('new') };
  const other: Found = { state: 'different', why: 'its content differs' };

  function changeOf(resource: Resource, found: Found | undefined, ...known: readonly OwnedResource[]) {
    return difference([resource], new Map(found === undefined ? [] : [[resource, found]]), recordOf(...known));
  }

  it.each<readonly [string, Found | undefined, readonly OwnedResource[], Readonly<Record<string, unknown>>]>([
    ['is not there', { state: 'absent' }, [], { action: 'add', reason: 'it is not there yet', replaces: false, owned }],
    ['was not looked at', undefined, [], { action: 'add', reason: 'it is not there yet', replaces: false, owned }],
    [
      'the host lost',
      { state: 'absent' },
      [owned],
      { action: 'add', reason: 'the record has it, the host does not', replaces: false, owned },
    ],
    ['stayed for its data and is gone', { state: 'absent' }, [{ ...owned, kept: true }], { action: 'add', reason: 'it is not there yet' }],
    [
      'the host lost, with an original',
      { state: 'absent' },
      [{ ...owned, before: 'other' }],
      { action: 'add', replaces: true, owned: { ...owned, before: 'other' } },
    ],
    ['is as wanted already', { state: 'same' }, [], { action: 'keep', owned: { ...owned, before: 'same' } }],
    ['is as an earlier run made it', { state: 'same' }, [{ ...owned, digest: digestOf('old') }], { action: 'keep', owned }],
    [
      'is as an earlier run made it, with an original',
      { state: 'same' },
      [{ ...owned, before: 'other' }],
      { action: 'keep', owned: { ...owned, before: 'other' } },
    ],
    [
      'is another before us',
      other,
      [],
      { action: 'change', reason: 'its content differs', replaces: true, owned: { ...owned, before: 'other' } },
    ],
    [
      'is declared otherwise',
      other,
      [{ ...owned, digest: digestOf('old') }],
      { action: 'change', reason: 'its content differs; it is declared otherwise now', replaces: false, owned },
    ],
    [
      'was changed on the host',
      other,
      [owned],
      { action: 'change', reason: 'its content differs; it was changed on the host', replaces: false, owned },
    ],
    [
      'was changed on the host, with an original',
      other,
      [{ ...owned, before: 'other' }],
      { action: 'change', replaces: true, owned: { ...owned, before: 'other' } },
    ],
    ['was claimed by a killed run', other, [{ kind: 'file', key: '/etc/a.conf', owner: 'web' }], { reason: 'its content differs' }],
    ['needs a reload alone', { ...other, byReload: true }, [owned], { action: 'change', isReload: true }],
    ['is another, and does not run', { ...other, isStopped: true }, [owned], { action: 'change', isStopped: true }],
    ['is not there, and does not run', { state: 'absent', isStopped: true }, [owned], { action: 'add', isStopped: true }],
  ])('and %s', (_, found, known, wanted) => {
    const [change, ...more] = changeOf(file, found, ...known);
    expect(more).toEqual([]);
    expect(change).toEqual({ ...change, ...wanted, resource: file });
  });

  it('and needs no reload says nothing of one, nor of what does not run', () => {
    for (const found of [other, { ...other, byReload: false }, { state: 'absent', isStopped: false }] as const) {
      expect(changeOf(file, found, owned)[0]).not.toHaveProperty('isReload');
      expect(changeOf(file, found, owned)[0]).not.toHaveProperty('isStopped');
    }
  });

  it('and was never made by us replaces an original only when its kind puts originals back', () => {
    const user = sampleResource({ kind: 'user', key: 'web', spec: { shell: '/bin/sh' } as never });
    expect(changeOf(user, other)).toMatchObject([{ action: 'change', replaces: false, owned: { kind: 'user', before: 'same' } }]);
  });

  it('and is a unit says why it changes, and not what the record has of it', () => {
    const unit = sampleResource({ kind: 'unit', key: 'web.service', digest: digestOf('u'), spec: { restartOn: [], reloadOn: [] } });
    const known: OwnedResource = { kind: 'unit', key: 'web.service', owner: 'web', digest: digestOf('u') };
    expect(changeOf(unit, { state: 'different', why: 'it does not run' }, known)).toMatchObject([{ reason: 'it does not run' }]);
  });

  it('and has no content yet is made anew, whatever the record has', () => {
    const secret = sampleFile('/etc/a.conf');
    expect(changeOf(secret, other, owned)).toMatchObject([{ reason: 'its content differs; it is made anew' }]);
    expect(changeOf(secret, other, owned)[0]?.owned).toEqual({ kind: 'file', key: '/etc/a.conf', owner: 'web' });
  });

  it.each<readonly [string, Found]>([
    ['as wanted', { state: 'same' }],
    ['another', other],
  ])('and is a certificate of the seed is ours where it is %s, because a restore wrote it before any run', (_, found) => {
    const operator = sampleResource({ kind: 'certificate', key: 'operator', owner: OWNERS.seed, spec: { files: [] } });
    const [change] = changeOf(operator, found);
    expect(change).toMatchObject({ owned: { kind: 'certificate', key: 'operator', owner: OWNERS.seed } });
    expect(change?.owned).not.toHaveProperty('before');
    expect(change).not.toMatchObject({ replaces: true });
    const certificate = sampleResource({ kind: 'certificate', key: 'operator', spec: { files: [] } });
    expect(changeOf(certificate, found)[0]?.owned).toMatchObject({ before: found.state === 'same' ? 'same' : 'other' });
  });

  it('and is a directory above others is recorded only where we made it', () => {
    const above = sampleResource({ kind: 'directory', key: '/opt', spec: { mode: 0o755, isParent: true } });
    const own: OwnedResource = { kind: 'directory', key: '/opt', owner: 'web' };
    expect(changeOf(above, { state: 'same' })).toEqual([{ action: 'keep', resource: above, owned: undefined }]);
    expect(changeOf(above, { state: 'same' }, own)).toEqual([{ action: 'keep', resource: above, owned: own }]);
    expect(changeOf(above, { state: 'absent' })).toMatchObject([{ action: 'add', owned: own }]);
    const plain = sampleResource({ kind: 'directory', key: '/opt', spec: { mode: 0o755 } });
    expect(changeOf(plain, { state: 'same' })[0]?.owned).toEqual({ ...own, before: 'same' });
  });

  it('and holds data is recorded as data', () => {
    const contents = ['data', 'ours'] as const;
    const [first, second] = contents.map(
      (kind) => changeOf(sampleResource({ kind: 'directory', key: '/d', spec: { mode: 0o700, contents: kind } }), undefined)[0]?.owned,
    );
    expect(first).toMatchObject({ kind: 'directory', key: '/d', owner: 'web', data: true });
    expect(second).not.toHaveProperty('data');
  });

  it('and needs more than its key to be removed is recorded with that', () => {
    const image = sampleResource({
      kind: 'image',
      key: 'registry.example/web:1',
      spec: { name: 'registry.example/web:1', config: digestOf('c'), source: 'depot:5443/web@sha256:new' },
    });
    expect(changeOf(image, undefined)[0]?.owned?.details).toEqual({ source: 'depot:5443/web@sha256:new' });
    expect(changeOf(file, undefined)[0]?.owned).not.toHaveProperty('details');
  });
});

describe('a resource that is wanted no more', () => {
  const owned: OwnedResource = { kind: 'file', key: '/etc/a.conf', owner: 'web' };

  it.each<readonly [string, OwnedResource, boolean, Readonly<Record<string, unknown>>]>([
    ['goes', owned, false, { action: 'remove', end: 'gone', reason: 'it is not wanted any more' }],
    ['with an original goes', { ...owned, before: 'other' }, false, { action: 'remove', end: 'gone' }],
    [
      'that was there before us is left',
      { ...owned, before: 'same' },
      true,
      { action: 'remove', end: 'left', reason: 'it was there before' },
    ],
    ['that holds data stays', data, false, { action: 'remove', end: 'kept', reason: 'it holds data' }],
    ['that holds data goes by a purge', data, true, { end: 'gone', reason: 'it is not wanted any more, and its data are purged' }],
    ['that holds data, as it did before us, stays', { ...data, before: 'same' }, false, { end: 'kept', reason: 'it holds data' }],
    ['that holds data of somebody else is left by a purge', { ...data, before: 'same' }, true, { end: 'left' }],
    [
      'in storage that others share is left by a purge',
      { ...owned, kind: 'directory', details: { contents: 'shared' } },
      true,
      { action: 'remove', end: 'left', reason: 'it lies in storage that other components share' },
    ],
    ['that an earlier run kept stays', { ...data, kept: true }, false, { action: 'keep' }],
  ])('%s', (_, known, purge, wanted) => {
    expect(difference([], new Map(), recordOf(known), { purge })).toEqual([
      expect.objectContaining({ ...wanted, host: 'n1', owned: known }),
    ]);
  });

  it('is told apart by its host and its kind', () => {
    const elsewhere = sampleFile('/etc/a.conf', { host: 'n2' });
    const directory = sampleResource({ kind: 'directory', key: '/etc/a.conf', spec: { mode: 0o755 } });
    const changes = difference([elsewhere, directory], new Map(), recordOf(owned));
    expect(changes.map(({ action }) => action)).toEqual(['add', 'add', 'remove']);
    expect(difference([sampleFile('/etc/a.conf', { owner: 'other' })], new Map(), recordOf(owned))).toMatchObject([{ action: 'add' }]);
  });

  it('is nothing where nothing is recorded', () => {
    expect(difference([], new Map(), undefined)).toEqual([]);
  });
});

describe('an image of the same content', () => {
  it('takes nothing along, and neither does what is no image', () => {
    const source = 'depot:5443/web@sha256:new';
    const spec = { name: 'registry.example/web:1', config: digestOf('c'), source };
    const image = sampleResource({ kind: 'image', key: 'registry.example/web:1', spec });
    const known: OwnedResource = { kind: 'image', key: image.key, owner: 'web', details: { source } };
    const { details: _, ...withoutSource } = known;
    for (const one of [known, withoutSource]) expect(difference([image], new Map(), recordOf(one))).toHaveLength(1);
    const file = sampleFile('/etc/a.conf');
    const odd: OwnedResource = { kind: 'file', key: '/etc/a.conf', owner: 'web', details: { source } };
    expect(difference([file], new Map(), recordOf(odd))).toHaveLength(1);
    expect(difference([image], new Map(), undefined)).toHaveLength(1);
  });
});

describe('a unit that is as wanted', () => {
  const unit = sampleResource({ kind: 'unit', key: 'web.service', spec: { restartOn: ['/etc/restart'], reloadOn: ['/etc/reload'] } });
  const known: OwnedResource = { kind: 'unit', key: 'web.service', owner: 'web' };

  function unitChange(...others: readonly Resource[]) {
    const found = new Map<Resource, Found>([[unit, { state: 'same' }]]);
    return difference([...others, unit], found, recordOf(known)).at(-1);
  }

  it('changes with a file that it must restart for', () => {
    const changed = { action: 'change', resource: unit, reason: '/etc/restart changes', replaces: false, owned: known };
    expect(unitChange(sampleFile('/etc/restart'))).toEqual(changed);
    expect(unitChange(sampleFile('/etc/reload'), sampleFile('/etc/restart'))).toEqual(changed);
  });

  it('reloads for a file that it takes over by a reload', () => {
    const reason = '/etc/reload changes, which a reload takes';
    expect(unitChange(sampleFile('/etc/reload'))).toEqual({
      ...{ action: 'change', resource: unit, replaces: false, owned: known },
      ...{ reason, isReload: true },
    });
  });

  it.each(['certificate', 'keypair'] as const)('changes with each file of a %s', (kind) => {
    const files = ['/etc/other', '/etc/restart'].map((path) => ({ path, mode: 0o600, content: fixedContent('') }));
    const group = sampleResource({ kind, key: '/etc/key-of-the-group', spec: { files } });
    expect(unitChange(group)).toMatchObject({ action: 'change', reason: '/etc/restart changes' });
    const named = sampleResource({ kind, key: '/etc/restart', spec: { files: [] } });
    expect(unitChange(named)).toMatchObject({ action: 'keep' });
  });

  it.each(['executable', 'artifact'] as const)('changes with an %s', (kind) => {
    expect(unitChange(sampleResource({ kind, key: '/etc/restart', spec: {} as never }))).toMatchObject({ action: 'change' });
  });

  it('stays with a file that stays, one of another host, another path, and what is no file', () => {
    const same = sampleFile('/etc/restart');
    const found = new Map<Resource, Found>([same, unit].map((one) => [one, { state: 'same' }]));
    expect(difference([same, unit], found, recordOf(known)).at(-1)).toMatchObject({ action: 'keep' });
    const directory = sampleResource({ kind: 'directory', key: '/etc/restart', spec: { mode: 0o755 } });
    for (const one of [sampleFile('/etc/restart', { host: 'n2' }), sampleFile('/etc/none'), directory])
      expect(unitChange(one)).toMatchObject({ action: 'keep' });
  });

  it('leaves alone what is no unit', () => {
    const definition = sampleResource({ kind: 'directory', key: '/etc/restart', spec: { mode: 0o755 } });
    const found = new Map<Resource, Found>([[definition, { state: 'same' }]]);
    expect(difference([sampleFile('/etc/restart'), definition], found, undefined).at(-1)).toMatchObject({ action: 'keep' });
  });
});
