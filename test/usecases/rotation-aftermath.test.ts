import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HOST_RECORD, seedLayout } from '../../src/site/index.ts';
import { backup, install, planInstall, planRestore, restore, rotateAuthority } from '../../src/usecases/index.ts';
import { backupOptions, restoreOptions } from '../support/backup-site.ts';
import { failureOf } from '../support/hard-cases.ts';
import { type SimulatedSite } from '../support/simulated-site.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { exchange } from '../support/tls-exchange.ts';
import { useVaultSites } from '../support/vault-platform.ts';

const directory = useTempDir();
const open = useVaultSites(directory);

const yes = async (): Promise<boolean> => true;

async function installed(unreachable: readonly string[] = []): Promise<SimulatedSite> {
  const site = await open({ unreachable });
  await site.install();
  return site;
}

describe('a backup from before a rotation', () => {
  it('is restored with a warning, a run with it is refused, and a later backup or a new rotation mends the site', async () => {
    const site = await installed();
    const [early, late] = ['early', 'late'].map((name) => join(directory(), `${name}.gpg`)) as [string, string];
    await backup(backupOptions(site, early));
    await rotateAuthority(site.options, 'vault', yes);
    await backup(backupOptions(site, late));
    // The seed of this site has the record that it keeps as a host, as on a real one.
    const hostRecord = site.machine('m1').text(HOST_RECORD) ?? '';
    const whole = join(directory(), 'whole');
    await cp(site.seedRoot, whole, { recursive: true });
    const stage = async (file: string): Promise<readonly string[]> => {
      await rm(site.seedRoot, { recursive: true, force: true });
      await cp(join(whole, 'var/lib/caisson/bundles'), join(site.seedRoot, 'var/lib/caisson/bundles'), { recursive: true });
      await cp(join(whole, 'etc'), join(site.seedRoot, 'etc'), { recursive: true });
      await writeFile(join(site.seedRoot, HOST_RECORD), hostRecord);
      return (await restore(restoreOptions(site, file), yes)).next;
    };
    expect((await stage(late)).join(' ')).not.toContain('rotated');
    await planInstall(site.options);
    expect((await stage(early))[0]).toMatch(/^The authority "vault" was rotated after this backup.*caisson certificates rotate vault$/);
    const { error } = await failureOf(planInstall(site.options));
    expect(error).toMatchObject({ code: 'SITE_CONFLICT' });
    expect((error as Error).message).toMatch(/m1: it was given another authority "vault".*\n.*\n.*f1: it was given another authority/);
    expect((error as Error).message).toContain('Restore a backup from after that rotation');
    // The authority itself can be replaced; another one cannot.
    expect((await failureOf(rotateAuthority(site.options, 'site', yes))).error).toMatchObject({ code: 'SITE_CONFLICT' });
    await rotateAuthority(site.options, 'vault', yes);
    expect((await install(site.options, yes)).changed).toBe(0);
  }, 240_000);

  it('in the midst of one has both authorities, and the rotation goes on from it', async () => {
    const site = await installed();
    const file = join(directory(), 'midst.gpg');
    let asked = 0;
    await failureOf(rotateAuthority(site.options, 'vault', async () => (asked += 1) < 3));
    await backup(backupOptions(site, file));
    const { authorities } = seedLayout(site.seedRoot);
    const key = await readFile(join(authorities, 'vault.2.key'), 'utf8');
    await rm(authorities, { recursive: true });
    expect((await planRestore(restoreOptions(site, file))).next.join(' ')).not.toContain('rotated');
    await restore(restoreOptions(site, file), yes);
    expect(await readFile(join(authorities, 'vault.2.key'), 'utf8')).toBe(key);
    const phases: string[] = [];
    await rotateAuthority(site.options, 'vault', async ({ notes }) => {
      phases.push(...notes.map((note) => note.slice(0, 7)));
      return true;
    });
    expect(phases).toEqual(['Phase 3']);
    expect((await install(site.options, yes)).changed).toBe(0);
  }, 240_000);
});

describe('authorities of a site', () => {
  it('are apart: a server of one lets in its own clients, and no certificate of a node or an operator', async () => {
    const site = await installed();
    const text = (host: string, path: string): string => site.machine(host).text(path) ?? '';
    const pair = (host: string, directoryOf: string, name: string, authority: string) => ({
      certificate: text(host, `${directoryOf}/${name}.crt`),
      key: text(host, `${directoryOf}/${name}.key`),
      authority: text(host, authority),
    });
    const store = pair('m1', '/opt/sample/ssl', 'tls', '/opt/sample/ssl/ca.crt');
    const trust = '/opt/sample/web/ca.crt';
    expect(await exchange(store, pair('f1', '/opt/sample/web', 'tls', trust), 'm1')).toBeUndefined();
    for (const other of [
      pair('f1', '/etc/caisson/pki', 'node', trust),
      {
        ...pair('m1', `${site.seedRoot}/etc/caisson/pki`, 'operator', `${site.seedRoot}/etc/caisson/pki/ca.crt`),
        authority: store.authority,
      },
    ]) {
      expect(other.certificate).toContain('BEGIN CERTIFICATE');
      expect(await exchange(store, other, 'm1')).toBeDefined();
    }
  });

  it('that a lost node has certificates of are named when it is let go', async () => {
    const site = await installed();
    const text = await readFile(site.options.clusterPath, 'utf8');
    const without = text.split('\n').filter((line) => !line.includes('name: f1'));
    await writeFile(site.options.clusterPath, without.join('\n'));
    const { notes } = await planInstall({ ...site.options, forget: ['f1'] });
    expect(notes).toEqual([expect.stringMatching(/^"f1" keeps certificates of authority "vault".*caisson certificates rotate vault$/)]);
    expect((await planInstall(site.options)).notes).toEqual([]);
  });
});
