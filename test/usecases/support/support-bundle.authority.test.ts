import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { seedLayout } from '../../../src/site/index.ts';
import { writeSupportBundle, type SupportBundle } from '../../../src/usecases/index.ts';
import { SYSTEM_SCRIPT, UNIT_SCRIPT } from '../../../src/usecases/support/host-report.ts';
import { THREE_NODES } from '../../support/sample-install.ts';
import type { SimulatedSite } from '../../support/simulated-site.ts';
import { useTempDir } from '../../support/temp-dir.ts';
import { useSampleSites } from '../../support/use-sites.ts';

const directory = useTempDir();
const samples = useSampleSites(directory);

/** A site whose hosts print the password of the store in every part that a program writes. */
async function talkative(): Promise<SimulatedSite & { readonly password: string }> {
  const site = await samples.open({ nodes: THREE_NODES });
  await site.install();
  const password = await readFile(join(seedLayout(site.seedRoot).secrets, 'store-root'), 'utf8');
  const base64 = Buffer.from(password).toString('base64');
  for (const machine of site.machines) {
    const entry = {
      __CURSOR: 'c1',
      __REALTIME_TIMESTAMP: '1767225600000000',
      PRIORITY: '3',
      MESSAGE: `refused "${password}" at ${machine.name}`,
    };
    machine.programs.set('journalctl', () => ({ stdout: `${JSON.stringify(entry)}\n` }));
    machine.programs.set(['/bin/sh', '-c', SYSTEM_SCRIPT, 'sh'].join(' '), () => ({ stdout: `== uname -a\nLinux ${password}\n` }));
    for (const unit of ['docker', 'store', 'web', 'caisson-agent', 'caisson-depot'])
      machine.programs.set(['/bin/sh', '-c', UNIT_SCRIPT, 'sh', `${unit}.service`].join(' '), () => ({
        stdout: `Environment=A=${base64}\n`,
      }));
  }
  return { ...site, password };
}

async function write(
  site: SimulatedSite,
  changes: { readonly output?: string; readonly nodes?: readonly string[] } = {},
): Promise<SupportBundle> {
  return writeSupportBundle({ ...site.options, version: '1.2.3', output: join(directory(), 'support.tar.gz'), ...changes });
}

/** The texts of an archive by their paths, as GNU tar unpacks it. */
async function unpack(path: string): Promise<ReadonlyMap<string, string>> {
  const at = await mkdtemp(join(directory(), 'unpacked-'));
  execFileSync('tar', ['-xzf', path, '--strip-components=1', '-C', at]);
  const names = (await readdir(at, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const texts = await Promise.all(
    names.map(async ({ parentPath, name }): Promise<[string, string]> => {
      const file = join(parentPath, name);
      return [file.slice(at.length + 1), await readFile(file, 'utf8')];
    }),
  );
  await rm(at, { recursive: true });
  return new Map(texts);
}

describe('writeSupportBundle', () => {
  it('has the record, the runs and the declarations of the site, and of each host its system, agent, units and messages', async () => {
    const site = await talkative();
    const { path, files, size, findings, failures } = await write(site);
    expect({ findings, failures }).toEqual({ findings: [], failures: [] });
    const texts = await unpack(path);
    const below = (top: string): readonly string[] =>
      [...texts.keys()].flatMap((name) => (name.startsWith(top) ? [name.slice(top.length)] : [])).sort();
    expect(below('seed/')).toEqual(['bundles.json', 'certificates.json', 'cluster.yaml', 'journal.jsonl', 'site.json']);
    const unit = (component: string, name = component): readonly string[] =>
      ['log', 'txt'].map((ending) => `components/${component}/${name}.service.${ending}`);
    const front = [...unit('agent', 'caisson-agent'), ...unit('docker'), ...unit('web')];
    const definitions = ['docker', 'web'].map((name) => `definitions/opt/sample/conf/${name}.yaml`);
    for (const host of ['f1', 'f2'])
      expect(below(`hosts/${host}/`)).toEqual(['agent.json', ...front, ...definitions, 'site.json', 'system.txt']);
    expect(below('hosts/m1/')).toEqual(expect.arrayContaining([...unit('depot', 'caisson-depot'), ...unit('store')]));
    expect(files).toBe(texts.size);
    expect(await stat(path)).toMatchObject({ size, mode: 0o100600 });
    expect(JSON.parse(texts.get('about.json') ?? '')).toMatchObject({ version: '1.2.3', cluster: 'sample', seed: 'm1', unreachable: [] });
    expect(JSON.parse(texts.get('seed/certificates.json') ?? '')).toContainEqual(expect.objectContaining({ name: 'node-f1' }));
    expect(texts.get('seed/cluster.yaml')).toBe(await readFile(join(directory(), 'cluster.yaml'), 'utf8'));
    expect(texts.get('hosts/f1/components/web/web.service.log')).toBe('2026-01-01T00:00:00.000Z <3> refused "***" at f1\n');
  });

  it('has no secret of the site, in whatever form it was printed, and no key', async () => {
    const site = await talkative();
    const texts = await unpack((await write(site)).path);
    const all = [...texts.values()].join('\n');
    expect(all).toContain('***');
    expect(all).not.toContain(site.password);
    expect(all).not.toContain(Buffer.from(site.password).toString('base64'));
    expect(all).not.toContain('PRIVATE KEY-----');
  });

  it('names hosts that cannot be reached and parts that cannot be read, and has the rest', async () => {
    const site = await talkative();
    site.machine('f1').reachable = false;
    site.machine('f2').programs.set('journalctl', () => ({ exitCode: 1, stderr: 'Failed to open the journal\n' }));
    const { path, findings, failures } = await write(site);
    expect(findings).toEqual([expect.objectContaining({ host: 'f1' })]);
    expect(failures.map(({ host, path: part }) => `${host} ${part}`)).toContain('f2 components/web/web.service.log');
    expect(failures[0]?.reason).toContain('Failed to open the journal');
    const texts = await unpack(path);
    expect(JSON.parse(texts.get('about.json') ?? '')).toMatchObject({ unreachable: findings, failures });
    expect([...texts.keys()].filter((name) => name.startsWith('hosts/f1/'))).toEqual([]);
    expect(texts.get('hosts/m1/system.txt')).toContain('== uname -a');
  });

  it('asks the hosts that are named, and refuses a name that the site does not have', async () => {
    const site = await talkative();
    const texts = await unpack((await write(site, { nodes: ['f2'] })).path);
    expect(
      new Set([...texts.keys()].map((name) => name.split('/').slice(0, 2).join('/')).filter((name) => name.startsWith('hosts'))),
    ).toEqual(new Set(['hosts/f2']));
    await expect(write(site, { nodes: ['f3'] })).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringMatching(/did you mean "f\d"/),
    });
  });

  it('replaces no file, and leaves none where it cannot write', async () => {
    const site = await talkative();
    const { path } = await write(site);
    await expect(write(site)).rejects.toMatchObject({ code: 'OUTPUT_EXISTS', exitStatus: 3 });
    const output = join(directory(), 'none/support.tar.gz');
    await expect(write(site, { output })).rejects.toMatchObject({ code: 'OUTPUT_WRITE_FAILED', exitStatus: 5 });
    expect(existsSync(output)).toBe(false);
    expect(existsSync(path)).toBe(true);
  });
});
