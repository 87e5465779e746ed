import { X509Certificate } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createAuthority } from '../../src/pki/index.ts';
import {
  HOST_RECORD,
  listCertificates,
  listRotations,
  openFileStore,
  parseHostRecord,
  readGenerations,
  seedLayout,
} from '../../src/site/index.ts';
import { install, planRotation, renewCertificates, rotateAuthority } from '../../src/usecases/index.ts';
import { failureOf } from '../support/hard-cases.ts';
import { type SimulatedSite } from '../support/simulated-site.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { useVaultSites, VAULT_NODES } from '../support/vault-platform.ts';

const directory = useTempDir();
const open = useVaultSites(directory);

const yes = async (): Promise<boolean> => true;

async function installed(): Promise<SimulatedSite> {
  const site = await open();
  await site.install();
  return site;
}

/** Fingerprints of every certificate in a file of a machine. */
function trustOf(site: SimulatedSite, [host, path]: readonly [string, string]): readonly string[] {
  const text = site.machine(host).text(path) ?? '';
  return (text.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).map((pem) => new X509Certificate(pem).fingerprint256);
}

const AUTHORITY_FILES = [
  ['m1', '/etc/caisson/pki/ca.crt'],
  ['f1', '/etc/caisson/pki/ca.crt'],
] as const;
const VAULT_FILES = [
  ['m1', '/opt/sample/ssl/ca.crt'],
  ['f1', '/opt/sample/web/ca.crt'],
] as const;
const VAULT_CERTIFICATES = [
  ['m1', '/opt/sample/ssl/tls.crt'],
  ['f1', '/opt/sample/web/tls.crt'],
] as const;

async function fingerprintOf(site: SimulatedSite, file: string): Promise<string> {
  return new X509Certificate(await readFile(join(seedLayout(site.seedRoot).authorities, file), 'utf8')).fingerprint256;
}

function issuersOf(site: SimulatedSite): readonly string[] {
  return VAULT_CERTIFICATES.map(([host, path]) => new X509Certificate(site.machine(host).text(path) ?? '').issuer);
}

describe('the rotation of an authority', () => {
  it('gives every host the next one beside the present, issues everything anew, and takes the one before away, run by run', async () => {
    const site = await installed();
    const layout = seedLayout(site.seedRoot);
    const before = await fingerprintOf(site, 'vault.crt');
    const siteFiles = AUTHORITY_FILES.map(([host, path]) => site.machine(host).text(path));
    const seen: unknown[] = [];
    const phases: unknown[] = [];
    await rotateAuthority(site.options, 'vault', async ({ notes }) => {
      seen.push(...notes);
      phases.push({ trusted: VAULT_FILES.map((file) => trustOf(site, file).length), issuers: issuersOf(site) });
      return true;
    });
    expect(seen).toEqual([
      'Phase 1 of 3 of the rotation of authority "vault": every host gets the next authority beside the present one',
      'Phase 2 of 3 of the rotation of authority "vault": the next authority issues every certificate again; both are trusted',
      'Phase 3 of 3 of the rotation of authority "vault": the authority before is taken from every host',
    ]);
    const [first, second] = ['CN=sample vault authority', 'CN=sample vault authority 2'];
    expect(phases).toEqual([
      { trusted: [1, 1], issuers: [first, first] },
      { trusted: [2, 2], issuers: [first, first] },
      { trusted: [2, 2], issuers: [second, second] },
    ]);
    const after = await fingerprintOf(site, 'vault.2.crt');
    for (const file of VAULT_FILES) expect(trustOf(site, file)).toEqual([after]);
    expect(issuersOf(site)).toEqual([second, second]);
    // The old key is on the seed no more, and the hosts know whom their site is with now.
    expect((await readdir(layout.authorities)).sort()).toEqual(['ca.crt', 'ca.key', 'vault.2.crt', 'vault.2.key', 'vault.json']);
    expect((await openFileStore(layout.record).read())?.authorities['vault']).toBe(after);
    for (const { name } of VAULT_NODES) {
      expect(parseHostRecord(site.machine(name).text(HOST_RECORD) ?? '')?.site.authorities['vault']).toBe(after);
    }
    expect(after).not.toBe(before);
    expect(AUTHORITY_FILES.map(([host, path]) => site.machine(host).text(path))).toEqual(siteFiles);
    expect((await install(site.options, yes)).changed).toBe(0);
  }, 120_000);

  it('of the site reaches agents, depot, operator and what engines trust, and can be done again', async () => {
    const site = await installed();
    const layout = seedLayout(site.seedRoot);
    for (const generation of [2, 3]) {
      await rotateAuthority(site.options, 'site', yes);
      const authority = await readFile(join(layout.authorities, `ca.${generation}.crt`), 'utf8');
      const files = site.machines.flatMap((machine) =>
        [...machine.files].map(([path, { content }]) => ({ path, text: content.toString() })),
      );
      const trust = files.filter(
        ({ path, text }) => path.endsWith('ca.crt') && text.includes('BEGIN CERTIFICATE') && !path.includes('/sample/'),
      );
      expect(trust.length).toBeGreaterThan(4);
      for (const { path, text } of trust) expect(text, path).toBe(authority);
      const listed = await listCertificates(layout, site.options.clock);
      expect(
        listed
          .filter(({ isAuthority }) => isAuthority)
          .map(({ name }) => name)
          .sort(),
      ).toEqual(['site', 'vault']);
      for (const [host, path] of [
        ['m1', '/etc/caisson/pki/node.crt'],
        ['f1', '/etc/caisson/pki/node.crt'],
      ] as const) {
        expect(new X509Certificate(site.machine(host).text(path) ?? '').verify(new X509Certificate(authority).publicKey)).toBe(true);
      }
      expect((await install(site.options, yes)).changed).toBe(0);
    }
    await renewCertificates({ ...site.options, renew: ['node-f1'] }, yes);
    expect(await readGenerations(layout, 'site')).toEqual({ issuer: 3 });
  }, 180_000);

  it('only reloads what the platform says can reload', async () => {
    const site = await installed();
    const restarts: string[] = [];
    await rotateAuthority(site.options, 'vault', async ({ plan }) => {
      for (const change of plan.changes)
        if (change.action === 'change' && change.resource.kind === 'definition')
          restarts.push(`${change.resource.key} ${change.isReload === true ? 'reload' : 'restart'}`);
      return true;
    });
    const [store, web] = ['/opt/sample/conf/store.yaml restart', '/opt/sample/conf/web.yaml reload'];
    expect(restarts.sort()).toEqual([store, store, store, web, web, web]);
  }, 120_000);

  it('is planned without making anything', async () => {
    const site = await installed();
    const layout = seedLayout(site.seedRoot);
    const files = await readdir(layout.authorities);
    const { plan, notes } = await planRotation(site.options, 'vault');
    expect(notes).toEqual([expect.stringContaining('Phase 1 of 3')]);
    const changed = plan.changes.flatMap((change) =>
      change.action === 'change' ? [`${change.resource.host} ${change.resource.kind}`] : [],
    );
    expect(changed.sort()).toEqual(['f1 certificate', 'f1 definition', 'm1 certificate', 'm1 definition']);
    expect(await readdir(layout.authorities)).toEqual(files);
    expect((await install(site.options, yes)).changed).toBe(0);
  });

  it('waits where it is when a phase is not approved, while other runs go on with both authorities', async () => {
    const site = await installed();
    const layout = seedLayout(site.seedRoot);
    let asked = 0;
    const once = async (): Promise<boolean> => (asked += 1) < 2;
    expect(await failureOf(rotateAuthority(site.options, 'vault', once))).toMatchObject({ error: { code: 'INTERRUPTED' } });
    expect([...(await listRotations(layout))]).toEqual([['vault', 'issue']]);
    const names = (await listCertificates(layout, site.options.clock)).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['vault', 'vault (before)']));
    const warnings: string[] = [];
    await install(
      {
        ...site.options,
        emit: (event) => {
          if (event.type === 'warning') warnings.push(event.message);
        },
      },
      yes,
    );
    expect(warnings).toEqual([expect.stringContaining('goes on with: caisson certificates rotate vault')]);
    expect(await readGenerations(layout, 'vault')).toEqual({ issuer: 2, before: 1 });
    await rotateAuthority(site.options, 'vault', yes);
    expect(await readGenerations(layout, 'vault')).toEqual({ issuer: 2 });
    expect((await install(site.options, yes)).changed).toBe(0);
  }, 120_000);

  it('does not wait for trust in an authority that has ended', async () => {
    const site = await installed();
    const layout = seedLayout(site.seedRoot);
    const key = await readFile(join(layout.authorities, 'vault.key'), 'utf8');
    const early = { ...site.options.clock, now: () => new Date(site.options.clock.now().getTime() - 400 * 86_400_000) };
    const { certificate } = await createAuthority({ commonName: 'sample vault authority', days: 365, clock: early, key });
    await writeFile(join(layout.authorities, 'vault.crt'), certificate);
    const store = openFileStore(layout.record);
    const record = await store.read();
    if (record === undefined) throw new Error('no record');
    const authorities = { ...record.authorities, vault: new X509Certificate(certificate).fingerprint256 };
    await store.write({ ...record, authorities }, record.revision);
    const notes: string[] = [];
    await rotateAuthority(site.options, 'vault', async (planned) => {
      notes.push(...planned.notes);
      return true;
    });
    expect(notes).toEqual([expect.stringContaining('Phase 2 of 3'), expect.stringContaining('Phase 3 of 3')]);
    expect((await install(site.options, yes)).changed).toBe(0);
  }, 60_000);

  it('is refused for a name that is no authority', async () => {
    const site = await installed();
    const { error } = await failureOf(rotateAuthority(site.options, 'valt', yes));
    expect(error).toMatchObject({ code: 'USAGE', hint: expect.stringContaining('vault') });
    expect((await failureOf(planRotation(site.options, 'node-f1'))).error).toMatchObject({ code: 'USAGE' });
  });
});
