import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { changeOption, listOptions, planOptionChange, type OptionChange } from '../../src/usecases/index.ts';
import { failureOf } from '../support/hard-cases.ts';
import { optionSite, writeOptionBundle } from '../support/option-site.ts';
import { type SimulatedSite } from '../support/simulated-site.ts';
import { useSharedTempDir, useTempDir } from '../support/temp-dir.ts';
import { useEnding } from '../support/use-sites.ts';

const directory = useTempDir();
const shared = useSharedTempDir();
const ending = useEnding<SimulatedSite>();
let bundle = '';
beforeAll(async () => {
  bundle = await writeOptionBundle(shared());
});

const yes = async (): Promise<boolean> => true;
const no = async (): Promise<boolean> => false;
const installed = async (): Promise<SimulatedSite> => ending(await optionSite(directory(), bundle));
const clusterOf = ({ options }: SimulatedSite): Promise<string> => readFile(options.clusterPath, 'utf8');
const asked = (name: string, choice: string, values: OptionChange['values'] = {}): OptionChange => ({ name, choice, values });
/** The site's own bundle and cluster.yaml are used. */
const own = ({ options }: SimulatedSite) => ({ ...options, bundlePaths: undefined, clusterPath: undefined });

function storeOf(site: SimulatedSite): string {
  return site.machine('n1').text('/opt/sample/store.conf').split('\n').at(-2) ?? '';
}

function webOf(site: SimulatedSite): string {
  return site.machine('n1').text('/opt/sample/conf/web.yaml');
}

describe('a change of an option', () => {
  it('is written into cluster.yaml and brought to what uses it', async () => {
    const site = await installed();
    const before = await clusterOf(site);
    expect(storeOf(site)).toBe('logs=file : ');
    await changeOption(own(site), asked('logging', 'remote', { server: 'logs.example', spares: 'a.example,10.0.0.9' }), yes);
    expect(storeOf(site)).toBe('logs=remote logs.example:514 a.example,10.0.0.9');
    const after = await clusterOf(site);
    expect(after).toContain('options: { logging: { choice: remote, server: logs.example, spares: [a.example, 10.0.0.9] } }');
    for (const line of before.split('\n')) expect(after).toContain(line);
    await changeOption(own(site), asked('logging', 'remote', { port: '601' }), yes);
    expect(storeOf(site)).toBe('logs=remote logs.example:601 a.example,10.0.0.9');
    expect((await site.install()).changed).toBe(0);
  });

  it('changes neither cluster.yaml nor a host before it is approved', async () => {
    const site = await installed();
    const before = await clusterOf(site);
    const change = asked('logging', 'remote', { server: 'logs.example' });
    const planned = await planOptionChange(own(site), change);
    expect(planned.notes).toEqual([`${site.options.clusterPath} gets "remote" as logging`]);
    expect(planned.consequences).toMatchObject([{ component: 'store', what: 'restarts' }]);
    expect((await failureOf(changeOption(own(site), change, no))).error).toMatchObject({ code: 'INTERRUPTED' });
    expect(await clusterOf(site)).toBe(before);
    expect(storeOf(site)).toBe('logs=file : ');
  });

  it('is gone on with after a kill, by the same command', async () => {
    const site = await installed();
    let value = 600;
    const change = () => changeOption(own(site), asked('logging', 'remote', { server: 'logs.example', port: String(value) }), yes);
    const start = site.installer.commands;
    await change();
    const commands = site.installer.commands - start;
    for (let at = 1; at <= commands; at += Math.max(1, Math.floor(commands / 8))) {
      value += 1;
      site.installer.death = { at: site.installer.commands + at, carriedOut: at % 2 === 0 };
      await failureOf(change());
      site.installer.death = undefined;
      await change();
      expect(storeOf(site), `killed at command ${at}`).toContain(`logs.example:${value}`);
      expect((await site.install()).changed).toBe(0);
    }
  }, 60_000);

  it('of one that is fixed is refused with the reason, and its own choice is not', async () => {
    const site = await installed();
    const before = await clusterOf(site);
    const { error, message } = await failureOf(changeOption(own(site), asked('disks', 'fast'), yes));
    expect(error).toMatchObject({ code: 'SITE_CONFLICT' });
    expect(message).toContain('it was "slow" when the cluster was installed');
    expect(await clusterOf(site)).toBe(before);
    expect((await planOptionChange(own(site), asked('disks', 'slow'))).plan.changes.filter(({ action }) => action !== 'keep')).toEqual([]);
  });

  it.each([
    ['an unknown option', asked('loging', 'file'), 'logging'],
    ['an unknown choice', asked('logging', 'remot'), 'there is no choice "remot"'],
    ['a value that is missing', asked('logging', 'remote'), 'needs "server"'],
    ['an unknown value', asked('logging', 'remote', { server: 'a.example', prt: '1' }), 'options.logging'],
    ['a value of another type', asked('logging', 'remote', { server: 'a.example', port: 'many' }), 'options.logging.port'],
    ['a domain that is none', asked('domain', 'Apps_1'), 'is not a domain'],
    ['a domain with values', asked('domain', 'apps.example.org', { a: 'b' }), 'has no values'],
  ])('is refused before anything is written: %s', async (_what, change, said) => {
    const site = await installed();
    const before = await clusterOf(site);
    const { error, message } = await failureOf(changeOption(own(site), change, yes));
    expect(error).toMatchObject({ code: 'USAGE' });
    expect(`${message} ${JSON.stringify(error)}`).toContain(said);
    expect(await clusterOf(site)).toBe(before);
  });
});

describe('the domain of a running cluster', () => {
  it('is changed by one command, and everything that names it restarts with it', async () => {
    const site = await installed();
    expect(webOf(site)).toContain('*.apps.sample.internal');
    site.machine('n1').restarted.splice(0);
    await changeOption(own(site), asked('domain', 'apps.example.org'), yes);
    expect(webOf(site)).toContain('*.apps.example.org');
    expect(webOf(site)).not.toContain('apps.sample.internal');
    expect(await clusterOf(site)).toContain('\ndomain: apps.example.org\n');
    expect(site.machine('n1').restarted).toEqual(['web.service']);
    expect((await site.install()).changed).toBe(0);
  });
});

describe('the list of options', () => {
  it('has choices and values, and says what may not change', async () => {
    const site = await installed();
    await changeOption(own(site), asked('logging', 'remote', { server: 'logs.example' }), yes);
    expect(await listOptions(own(site))).toEqual([
      {
        name: 'logging',
        summary: 'Where logs go',
        choice: 'remote',
        values: { server: 'logs.example', port: 514, spares: ['none.example'] },
        choices: ['file', 'remote'],
      },
      {
        name: 'disks',
        summary: 'What keeps data',
        choice: 'slow',
        values: {},
        choices: ['slow', 'fast'],
        fixed: expect.stringContaining('it was "slow"'),
      },
      { name: 'domain', summary: expect.any(String), choice: 'apps.sample.internal', values: {}, choices: [] },
    ]);
  });
});
