import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openFileStore, parseHostRecord } from '../../src/site/index.ts';
import { codeOf, HOSTILE_BYTES, HOSTILE_TEXTS } from '../support/hostile-texts.ts';
import { sampleHostRecord, sampleRecord } from '../support/sample-site.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();

async function storedCode(bytes: Buffer | string): Promise<string | undefined> {
  const path = join(directory(), 'site.json');
  await writeFile(path, bytes);
  return codeOf(() => openFileStore(path).read());
}

describe('openFileStore', () => {
  it.each(HOSTILE_BYTES)('refuses %s', async (_, bytes) => {
    expect(await storedCode(bytes)).toBe('SITE_RECORD_INVALID');
  });

  it.each<readonly [string, Readonly<Record<string, unknown>>]>([
    ['a negative revision', { revision: -1 }],
    ['half a revision', { revision: 1.5 }],
    ['a revision beyond 2^53', { revision: 2 ** 53 }],
    ['a list in place of hosts', { hosts: [] }],
    ['hosts that are texts', { hosts: { m1: 'm1' } }],
    ['placements of numbers', { placements: { store: [1] } }],
    ['a port that is none', { hosts: { m1: { address: 'a', roles: [], owned: [], ssh: { port: 1.5 } } } }],
    ['a thousand keys that are not known', Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`${index}`.repeat(1000), 1]))],
  ])('refuses %s', async (_, changes) => {
    expect(await storedCode(JSON.stringify({ ...sampleRecord(), ...changes }))).toBe('SITE_RECORD_INVALID');
  });

  it('refuses a key that would change every object', async () => {
    const text = JSON.stringify(sampleRecord()).replace('{', '{"__proto__":{"polluted":true},');
    expect(await storedCode(text)).toBe('SITE_RECORD_INVALID');
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });
});

describe('parseHostRecord', () => {
  it.each(HOSTILE_TEXTS)('takes no record from %s', (_, text) => {
    expect(parseHostRecord(text)).toBeUndefined();
  });

  it.each<readonly [string, Readonly<Record<string, unknown>>]>([
    ['another version', { apiVersion: 'caisson/v2' }],
    ['another kind', { kind: 'SiteRecord' }],
    ['a site without an id', { site: { name: 'lab', seed: 'm1', authorities: {} } }],
    ['a site with more keys', { site: { ...sampleHostRecord().site, trusted: true } }],
    ['a resource without a key', { owned: [{ kind: 'file', key: '', owner: 'store' }] }],
    ['a resource with a command', { owned: [{ kind: 'file', key: '/a', owner: 'store', details: { run: ['reboot'] } }] }],
    ['roles that are no list', { roles: 'manage' }],
    ['a key that is not known', { more: true }],
  ])('takes no record with %s', (_, changes) => {
    expect(parseHostRecord(JSON.stringify({ ...sampleHostRecord(), ...changes }))).toBeUndefined();
  });

  it('takes no record with a key that would change every object', () => {
    const text = JSON.stringify(sampleHostRecord()).replace('{', '{"__proto__":{"polluted":true},');
    expect(parseHostRecord(text)).toBeUndefined();
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });
});
