import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { seedLayout } from '../../../src/site/index.ts';
import { PASSWORD, passwordSite, writePasswordBundle, type PasswordSite } from '../../support/changing-secret.ts';
import { runCaisson, type Ended } from '../../support/run-caisson.ts';
import { useTempDir } from '../../support/temp-dir.ts';
import { useEnding } from '../../support/use-sites.ts';

const directory = useTempDir();
const ending = useEnding<PasswordSite>();

async function installed(): Promise<{
  readonly site: PasswordSite;
  readonly run: (words: readonly string[], typed?: string) => Promise<Ended>;
}> {
  const site = ending(await passwordSite(directory(), await writePasswordBundle(directory())));
  const { machines, clock } = site.options;
  return { site, run: (words, typed) => runCaisson(words, { machines, clock, ...(typed === undefined ? {} : { typed }) }) };
}

describe('caisson secrets', () => {
  it('lists them without values', async () => {
    const { site, run } = await installed();
    const { status, out } = await run(['secrets']);
    expect(status).toBe(0);
    expect(out).toMatch(/^NAME +COMPONENT +USED BY +SINCE +STATE\ndb-root +db +db on n1; app on n2 +\d{4}-\d\d-\d\d +in force\n$/);
    const json = await run(['secrets', '--json']);
    expect(JSON.parse(json.out)).toMatchObject({ type: 'result', secrets: [{ name: PASSWORD, component: 'db' }] });
    for (const text of [out, json.out]) expect(text).not.toContain(site.taken);
  });

  it('plans, asks, and gives one a value out of a file', async () => {
    const { site, run } = await installed();
    const value = 'chosen.by-hand_42';
    writeFileSync(join(directory(), 'value'), `${value}\n`, { mode: 0o600 });
    const words = ['secrets', 'change', PASSWORD, '--value-file', join(directory(), 'value')];
    const planned = await run([...words, '--plan']);
    expect(planned.out).toContain('have the database take the new password (secret-change of db)');
    expect(planned.out).toContain('The secret "db-root" gets another value; it is used by db on n1; app on n2');
    expect(planned.out).toContain('app on n2 restarts');
    expect(await run(words, 'n\n')).toMatchObject({ status: 130 });
    expect(site.taken).not.toBe(value);
    const changed = await run(words, 'y\n');
    expect(changed).toMatchObject({ status: 0, out: expect.stringContaining('The secret "db-root" has its new value everywhere') });
    expect(readFileSync(join(seedLayout(site.seedRoot).secrets, PASSWORD), 'utf8')).toBe(value);
    for (const { out, err } of [planned, changed]) expect(`${out}${err}`).not.toContain(value);
  });

  it('takes no value from a file that others can read, and none without a terminal to ask on', async () => {
    const { run } = await installed();
    writeFileSync(join(directory(), 'value'), 'chosen.by-hand_42\n', { mode: 0o644 });
    const exposed = await run(['secrets', 'change', PASSWORD, '--value-file', join(directory(), 'value'), '--yes']);
    expect(exposed).toMatchObject({ status: 3, err: expect.stringContaining('SECRET_EXPOSED') });
    const unasked = await run(['secrets', 'change', PASSWORD, '--prompt', '--yes']);
    expect(unasked).toMatchObject({ status: 2, err: expect.stringContaining('--value-file FILE') });
    const both = await run(['secrets', 'change', PASSWORD, '--prompt', '--undo', '--yes']);
    expect(both).toMatchObject({ status: 2, err: expect.stringContaining('more than one') });
  });
});
