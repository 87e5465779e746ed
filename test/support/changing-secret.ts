import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openSecretStore, seedLayout, type SecretChange } from '../../src/site/index.ts';
import { changeSecret, type SecretRequest } from '../../src/usecases/index.ts';
import { HARD_IMAGES, hardManifests, hardSite, type HardSite } from './hard-cases.ts';
import { DATABASE_NODES } from './database-sites.ts';
import { writeSampleBundle } from './sample-install.ts';

/** Name of the secret of the sample: the database is made with it, and the application logs in with it. */
export const PASSWORD = 'db-root';

const ACTION = `  - name: set-password
    summary: have the database take the new password
    at: secret-change
    secret: ${PASSWORD}
    each: cluster
    container:
      image: "registry.example/db:1"
      arguments: [set, "\${secretFile.old}", "\${secretFile.new}"]
    done: { arguments: [takes, "\${secretFile.new}"] }
services:`;

/** Writes a bundle whose database has a password, with the action that changes it unless `hasAction` is false. */
export async function writePasswordBundle(directory: string, { hasAction = true, version = '1', database = '1' } = {}): Promise<string> {
  const manifests = hardManifests({ database });
  const db = (manifests['components/db/component.yaml'] ?? '').replace(
    'actions:',
    `secrets: [{ name: ${PASSWORD} }]
files: [{ path: "\${var.root}/db.password", mode: "0400", template: db.password, onChange: nothing }]
actions:`,
  );
  const changed = {
    ...manifests,
    'components/db/component.yaml': hasAction ? db.replace('services:', ACTION) : db,
    'components/db/db.password': `\${secret.${PASSWORD}}`,
    'components/app/app.conf': `password=\${secret.${PASSWORD}}\n`,
  };
  return writeSampleBundle(join(directory, `password-${version}-${hasAction ? 'action' : 'none'}.tar`), {
    manifests: changed,
    images: HARD_IMAGES,
    version,
  });
}

/** A site with a database that knows its password by heart, as databases do. */
export interface PasswordSite extends HardSite {
  /** The password that the database takes. */
  taken: string;
  /** True while the database refuses to change it. */
  refuses: boolean;
  /** Every place that has a value: the seed's store, the database, its file, the file of the application. */
  values(): Promise<{ readonly seed: string; readonly database: string; readonly file: string; readonly app: string }>;
  /** Paths of files with values that only a run needs, on every machine. */
  leftovers(): readonly string[];
}

/** Installs the bundle on a simulated site. The database is made with the password of the install. */
export async function passwordSite(directory: string, bundle: string): Promise<PasswordSite> {
  const bare = await hardSite(directory, bundle, DATABASE_NODES);
  const stored = (): Promise<string> => readFile(join(seedLayout(bare.seedRoot).secrets, PASSWORD), 'utf8');
  const site: PasswordSite = {
    ...bare,
    taken: '',
    refuses: false,
    values: async () => ({
      seed: await stored(),
      database: site.taken,
      file: bare.machine('n1').text('/opt/sample/db.password'),
      app: bare.machine('n2').text('/opt/sample/app.conf').replace('password=', '').trim(),
    }),
    leftovers: () =>
      bare.machines
        .flatMap(({ files, directories }) => [...files.keys(), ...directories.keys()])
        .filter((path) => path.startsWith('/run/caisson')),
  };
  bare.machine('n1').programs.set('registry.example/db:1', ([verb = '', ...paths], machine) => {
    bare.platform.log.push(`n1: db ${verb}`);
    const texts = paths.map((path) => machine.text(path));
    if (texts.includes('')) return { exitCode: 2, stderr: 'a file is missing\n' };
    if (verb === 'takes') return texts[0] === site.taken ? {} : { exitCode: 1, stderr: 'access denied\n' };
    if (site.refuses) return { exitCode: 1, stderr: `cannot set ${texts[1] ?? ''}: the disk is full\n` };
    if (texts[0] !== site.taken) return { exitCode: 1, stderr: 'access denied\n' };
    site.taken = texts[1] ?? '';
    return {};
  });
  await site.run();
  site.taken = await stored();
  site.takeRestarts();
  site.platform.takeLog();
  return site;
}

/** Changes the password with approval. Ids of steps that ended go into the log of the platform. */
export function changePassword(site: PasswordSite, request: Partial<SecretRequest> = {}): ReturnType<typeof changeSecret> {
  const emit: PasswordSite['options']['emit'] = (event) => {
    if (event.type === 'step.finished' && event.outcome !== 'failed') site.platform.log.push(event.step);
  };
  return changeSecret({ ...site.options, emit }, { name: PASSWORD, ...request }, async () => true);
}

/** Expects one value everywhere, and nothing left of a change. Returns the value. */
export async function expectOneValue(site: PasswordSite, where = 'the value'): Promise<string> {
  const values = await site.values();
  expect(new Set(Object.values(values)).size, `${where}: ${JSON.stringify(values)}`).toBe(1);
  expect(await readdir(seedLayout(site.seedRoot).secrets), where).toEqual([PASSWORD]);
  expect(site.leftovers(), where).toEqual([]);
  return values.seed;
}

/**
 * Kills changes at `points` of their commands, spread over all, and goes on by turns with the same command and an install.
 * Returns how many were killed after they had begun.
 */
export async function expectSecretKillsHarmless(site: PasswordSite, points: number): Promise<number> {
  let began = 0;
  for (const { at, where } of await killPoints(site, points)) {
    const before = await expectOneValue(site, where);
    await killed(site, at, {});
    const pending = await pendingChange(site);
    if (pending !== undefined) began += 1;
    const isSame = at % 3 === 0;
    await (isSame ? changePassword(site) : site.run());
    const after = await expectOneValue(site, where);
    if (pending !== undefined) expect(after, where).toBe(pending.new);
    else if (!isSame) expect(after, where).toBe(before);
    expect((await site.run()).changed, where).toBe(0);
  }
  return began;
}

/** The same for changes that are taken back, by an undo that is killed, too. Returns how many had begun. */
export async function expectSecretUndoHarmless(site: PasswordSite, points: number): Promise<number> {
  let undone = 0;
  for (const { at, where } of await killPoints(site, points)) {
    const before = await expectOneValue(site, where);
    await killed(site, at, {});
    const pending = await pendingChange(site);
    if (pending !== undefined) {
      await killed(site, at, { undo: true });
      // An undo that was killed before it began is asked for again; one that had begun is gone on with by an install.
      const turned = await pendingChange(site);
      await (turned?.new === pending.new ? changePassword(site, { undo: true }) : site.run());
      undone += 1;
    }
    expect(await expectOneValue(site, where), where).toBe(before);
    expect((await site.run()).changed, where).toBe(0);
  }
  return undone;
}

async function killPoints(site: PasswordSite, points: number): Promise<readonly { readonly at: number; readonly where: string }[]> {
  const start = site.installer.commands;
  await changePassword(site);
  const commands = site.installer.commands - start;
  const stride = Math.max(1, Math.floor(commands / points));
  return Array.from({ length: Math.ceil(commands / stride) }, (_, index) => {
    const at = 1 + index * stride;
    return { at, where: `killed at command ${at} of ${commands}` };
  });
}

async function killed(site: PasswordSite, at: number, request: Partial<SecretRequest>): Promise<void> {
  site.installer.death = { at: site.installer.commands + at, carriedOut: at % 2 === 1 };
  // A run that has less to do ends before it is killed.
  await changePassword(site, request).catch(() => undefined);
  site.installer.death = undefined;
}

/** The change that a killed run left. Whatever the database takes, the seed still has it, and for root alone. */
async function pendingChange({ seedRoot, taken }: PasswordSite): Promise<SecretChange | undefined> {
  const { secrets } = seedLayout(seedRoot);
  const pending = await openSecretStore(secrets).change(PASSWORD);
  if (pending === undefined) return undefined;
  expect([pending.old, pending.new]).toContain(taken);
  expect((await stat(join(secrets, `${PASSWORD}.change`))).mode & 0o777).toBe(0o600);
  return pending;
}
