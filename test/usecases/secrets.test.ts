import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { backup, changeSecret, listSecrets, planSecretChange, reset, upgrade } from '../../src/usecases/index.ts';
import { seedLayout } from '../../src/site/index.ts';
import {
  changePassword,
  expectOneValue,
  expectSecretKillsHarmless,
  expectSecretUndoHarmless,
  PASSWORD,
  passwordSite,
  writePasswordBundle,
  type PasswordSite,
} from '../support/changing-secret.ts';
import { failureOf } from '../support/hard-cases.ts';
import { useSharedTempDir, useTempDir } from '../support/temp-dir.ts';
import { useEnding } from '../support/use-sites.ts';

/** Every command is killed in the storm: npm run test:storm. */
const POINTS = 12;

const directory = useTempDir();
const shared = useSharedTempDir();
const ending = useEnding<PasswordSite>();
let bundle = '';
beforeAll(async () => {
  bundle = await writePasswordBundle(shared());
});

const yes = async (): Promise<boolean> => true;
const no = async (): Promise<boolean> => false;
const installed = async (path = bundle): Promise<PasswordSite> => ending(await passwordSite(directory(), path));
describe('a change of a secret', () => {
  it('has the program take the new value before a file has it, and restarts what uses it afterwards', async () => {
    const site = await installed();
    const before = await expectOneValue(site);
    await changePassword(site);
    const after = await expectOneValue(site);
    expect(after).not.toBe(before);
    expect(after).toMatch(/^[A-Za-z0-9]{24}$/);
    const log = site.platform.takeLog();
    const order = ['check-components/n1/db-before-db-root', 'n1: db set', 'configure-components/n1/db-configure'].map((line) =>
      log.indexOf(line),
    );
    expect(order).not.toContain(-1);
    expect(order).toEqual([...order].sort((left, right) => left - right));
    expect(log.indexOf('n1: db set')).toBeLessThan(log.indexOf('configure-components/n2/app-configure'));
    // The database reads its file at its first start only, so it does not restart.
    expect(site.takeRestarts()).toEqual(['n2 app.service']);
    expect((await site.run()).changed).toBe(0);
    expect((await site.record()).operations.at(-1)).toMatchObject({ operation: 'change secret', outcome: 'done' });
  });

  it('takes a value that is given', async () => {
    const site = await installed();
    await changePassword(site, { value: 'chosen.by-hand_42~' });
    expect(await expectOneValue(site)).toBe('chosen.by-hand_42~');
  });

  it('is shown as a plan that has no value in it, and changes nothing before it is approved', async () => {
    const site = await installed();
    const before = await expectOneValue(site);
    const planned = await planSecretChange(site.options, { name: PASSWORD, value: 'chosen-by-hand-42' });
    expect(planned.notes).toEqual([`The secret "${PASSWORD}" gets another value; it is used by db on n1; app on n2`]);
    const { session: _session, declared: _declared, ...shown } = planned;
    expect(JSON.stringify(shown)).not.toContain('chosen-by-hand-42');
    const refused = await failureOf(changeSecret(site.options, { name: PASSWORD }, no));
    expect(refused.error).toMatchObject({ code: 'INTERRUPTED' });
    expect(await expectOneValue(site)).toBe(before);
  });

  it('shows values neither in arguments nor in the journal', async () => {
    const site = await installed();
    const before = await expectOneValue(site);
    await changePassword(site);
    const after = await expectOneValue(site);
    const journal = await readFile(seedLayout(site.seedRoot).journal, 'utf8');
    const lines = site.machines.flatMap((machine) => machine.lines);
    for (const text of [journal, ...lines]) for (const value of [before, after]) expect(text).not.toContain(value);
  });
});

describe('a change of a secret that is killed', () => {
  it('is gone on with by the same command or by an install', async () => {
    expect(await expectSecretKillsHarmless(await installed(), POINTS)).toBeGreaterThan(POINTS / 3);
  }, 120_000);

  it('can be taken back', async () => {
    expect(await expectSecretUndoHarmless(await installed(), POINTS)).toBeGreaterThan(POINTS / 3);
  }, 120_000);
});

describe('a change of a secret that its program refuses', () => {
  it('leaves the old value in force everywhere, and says so without a value', async () => {
    const site = await installed();
    const before = await expectOneValue(site);
    site.refuses = true;
    const { error, message } = await failureOf(changePassword(site, { value: 'chosen-by-hand-42' }));
    expect(error).toMatchObject({ code: 'INSTALL_FAILED', cause: { code: 'ACTION_FAILED' } });
    expect(message).toContain('cannot set ***: the disk is full');
    expect(message).toContain(`caisson secrets change ${PASSWORD} --undo`);
    expect(message).not.toContain('chosen-by-hand-42');
    expect(await site.values()).toEqual({ seed: before, database: before, file: before, app: before });
    expect(site.takeRestarts()).toEqual([]);
    expect(site.leftovers()).toEqual([]);
    expect(await listSecrets(site.options)).toMatchObject([{ name: PASSWORD, state: 'change under way' }]);
    // Once it can succeed, the same command goes on with the same value.
    site.refuses = false;
    await changePassword(site);
    expect(await expectOneValue(site)).toBe('chosen-by-hand-42');
  });

  it('is taken back by an undo, after which the site is as before', async () => {
    const site = await installed();
    const before = await expectOneValue(site);
    site.refuses = true;
    await failureOf(changePassword(site));
    await changePassword(site, { undo: true });
    expect(await expectOneValue(site)).toBe(before);
    expect(site.takeRestarts()).toEqual([]);
    expect((await site.run()).changed).toBe(0);
  });

  it('lets nobody install another bundle or change it to another value meanwhile', async () => {
    const site = await installed();
    site.refuses = true;
    await failureOf(changePassword(site));
    const newer = await writePasswordBundle(directory(), { version: '2', database: '2' });
    await site.take(newer);
    const { error, message } = await failureOf(upgrade({ ...site.options, bundlePaths: [newer] }, yes));
    expect(error).toMatchObject({ code: 'SITE_CONFLICT' });
    expect(message).toContain(`End it first: caisson secrets change ${PASSWORD}`);
    expect(await failureOf(changePassword(site, { value: 'chosen-by-hand-42' }))).toMatchObject({ error: { code: 'USAGE' } });
  });

  it('is in a backup with both values', async () => {
    const site = await installed();
    site.refuses = true;
    await failureOf(changePassword(site));
    const { clock, signal, machines } = site.options;
    const { files } = await backup({
      output: join(directory(), 'seed.gpg'),
      seal: { passphrase: 'a long enough passphrase' },
      home: directory(),
      clock,
      signal,
      ...(machines === undefined ? {} : { machines }),
    });
    expect(files).toEqual(expect.arrayContaining([`/var/lib/caisson/secrets/${PASSWORD}`, `/var/lib/caisson/secrets/${PASSWORD}.change`]));
  });

  it('is gone on with after a reset that kept the data', async () => {
    const site = await installed();
    site.refuses = true;
    await failureOf(changePassword(site));
    await reset(site.options, yes);
    site.refuses = false;
    await site.run();
    await expectOneValue(site);
    expect((await site.run()).changed).toBe(0);
  });
});

describe('a change of a secret that would do harm', () => {
  it('is refused where data were made with it and nothing tells their program', async () => {
    const site = await installed(await writePasswordBundle(directory(), { hasAction: false }));
    const before = await expectOneValue(site);
    const { error, message } = await failureOf(changePassword(site));
    expect(error).toMatchObject({ code: 'SITE_CONFLICT' });
    expect(message).toContain('n1:/opt/sample/db');
    expect(message).toContain('Install a bundle whose db declares an action "at: secret-change" for it');
    expect(await expectOneValue(site)).toBe(before);
  });

  it.each([
    ['a name that the site does not have', { name: 'db-rot' }, 'db-root'],
    ['a value that templates could not hold', { value: 'with "quotes" in it' }, 'letters, digits'],
    ['a short value', { value: 'short' }, '12 to 128'],
    ['an undo without a change', { undo: true }, 'another value'],
  ])('is refused: %s', async (_what, request, hint) => {
    const site = await installed();
    const { error } = await failureOf(changePassword(site, request));
    expect(error).toMatchObject({ code: 'USAGE', hint: expect.stringContaining(hint) });
    await expectOneValue(site);
  });
});

describe('the list of secrets', () => {
  it('has names, users and times, and no value', async () => {
    const site = await installed();
    const listed = await listSecrets(site.options);
    expect(listed).toEqual([
      {
        name: PASSWORD,
        component: 'db',
        users: [
          { component: 'db', hosts: ['n1'] },
          { component: 'app', hosts: ['n2'] },
        ],
        since: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        state: 'in force',
      },
    ]);
    expect(JSON.stringify(listed)).not.toContain(await expectOneValue(site));
  });
});
