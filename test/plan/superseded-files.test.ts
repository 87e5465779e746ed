import { describe, expect, it } from 'vitest';
import { claimedResources, settledResources } from '../../src/plan/claims.ts';
import { difference } from '../../src/plan/difference.ts';
import { detailsOf, fixedContent, type Found, type Resource } from '../../src/resources/index.ts';
import { newSiteRecord, type OwnedResource, type SiteRecord } from '../../src/site/index.ts';
import { sampleFile, sampleResource } from './sample-changes.ts';

function recordOf(...owned: readonly OwnedResource[]): SiteRecord {
  const record = newSiteRecord({ id: 'a', name: 'sample', seed: 'n1' });
  return { ...record, hosts: { n1: { address: '10.0.0.11', roles: ['front'], owned: [...owned] } } };
}

type FileSet = 'certificate' | 'keypair';

function fileSet(kind: FileSet, key: string, ...paths: readonly string[]): Resource {
  const files = paths.map((path) => ({ path, mode: 0o600, content: fixedContent('') }));
  return sampleResource({ kind, key, spec: { files } });
}

/** The files of the set, as the record has them. */
function owned(kind: FileSet, key: string, ...paths: readonly string[]): OwnedResource {
  const details = detailsOf(fileSet(kind, key, ...paths));
  return { kind, key, owner: 'web', ...(details === undefined ? {} : { details: { ...details } }) };
}

function removed(changes: ReturnType<typeof difference>): readonly string[] {
  return changes.flatMap((change) => (change.action === 'remove' ? [`${change.end} ${change.owned.kind} ${change.owned.key}`] : []));
}

describe.each(['certificate', 'keypair'] as const)('a %s', (kind) => {
  const before = owned(kind, 'web/tls', '/old/tls.crt', '/old/tls.key');
  const elsewhere = fileSet(kind, 'web/tls', '/new/tls.crt', '/old/tls.key');

  it('that has its files elsewhere takes the old ones along, and only these', () => {
    const changes = difference([elsewhere], new Map(), recordOf(before));
    expect(removed(changes)).toEqual(['gone file /old/tls.crt']);
    expect(changes.at(-1)).toMatchObject({ host: 'n1', owned: { owner: 'web' }, reason: '"web/tls" has its files elsewhere now' });
    expect(difference([fileSet(kind, 'web/tls', '/old/tls.key', '/old/tls.crt')], new Map(), recordOf(before))).toHaveLength(1);
  });

  it('puts back an original where its old files were, and leaves what was there before', () => {
    const other = difference([elsewhere], new Map(), recordOf({ ...before, before: 'other' }));
    expect(other.at(-1)).toMatchObject({ action: 'remove', owned: { key: '/old/tls.crt', before: 'other' } });
    expect(removed(difference([elsewhere], new Map(), recordOf({ ...before, before: 'same' })))).toEqual([]);
  });

  it('is in the record with old and new files while the run is under way, so that a killed one loses none', () => {
    const claimed = claimedResources(difference([elsewhere], new Map(), recordOf(before))).get('n1') ?? [];
    expect(new Set(claimed.map((one) => `${one.kind} ${one.key}`))).toEqual(new Set([`${kind} web/tls`, 'file /old/tls.crt']));
    const goesOn = difference([elsewhere], new Map(), recordOf(...claimed));
    expect(removed(goesOn)).toEqual(['gone file /old/tls.crt']);
    expect((settledResources(goesOn).get('n1') ?? []).map(({ key }) => key)).toEqual(['web/tls']);
    // The wish is taken back after the kill: what was new goes, and what was old is written and stays.
    const takenBack = fileSet(kind, 'web/tls', '/old/tls.crt', '/old/tls.key');
    expect(removed(difference([takenBack], new Map(), recordOf(...claimed)))).toEqual(['gone file /new/tls.crt']);
  });

  it('of another name at the same paths is the same to the host', () => {
    const renamed = fileSet(kind, 'web/server', '/old/tls.crt', '/new/tls.key');
    const different = new Map<Resource, Found>([[renamed, { state: 'different', why: 'its content differs' }]]);
    const changes = difference([renamed], different, recordOf(before));
    expect(removed(changes)).toEqual(['gone file /old/tls.key']);
    // The file that it replaces is ours, and no original to put back.
    expect(changes[0]).toMatchObject({ action: 'change', replaces: false });
    expect(difference([renamed], different, recordOf({ ...before, before: 'same' }))[0]).toMatchObject({ replaces: true });
    expect(difference([renamed], different, recordOf())[0]).toMatchObject({ replaces: true });
  });

  it('of another host has nothing to do with it', () => {
    const there = { ...fileSet(kind, 'web/server', '/old/tls.crt', '/old/tls.key'), host: 'n2' } as Resource;
    expect(removed(difference([there], new Map(), recordOf(before)))).toEqual([`gone ${kind} web/tls`]);
  });
});

describe('a file that becomes one of another kind', () => {
  it.each(['file', 'executable', 'artifact'] as const)('is not removed as the %s that it was', (kind) => {
    const known: OwnedResource = { kind, key: '/etc/web/tls.crt', owner: 'web' };
    const now = fileSet('certificate', 'web/tls', '/etc/web/tls.crt', '/etc/web/tls.key');
    expect(removed(difference([now], new Map(), recordOf(known)))).toEqual([]);
    expect(removed(difference([sampleFile('/etc/web/other')], new Map(), recordOf(known)))).toEqual([`gone ${kind} /etc/web/tls.crt`]);
  });
});
