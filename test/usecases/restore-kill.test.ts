import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { seedLayout, type SeedLayout } from '../../src/site/index.ts';
import { backup, restore, type RestoreOptions } from '../../src/usecases/index.ts';
import { backupOptions, keyPair, restoreOptions, treeOf } from '../support/backup-site.ts';
import { life, live } from '../support/mortal-files.ts';
import { ONE_NODE, writeSampleBundle } from '../support/sample-install.ts';
import { simulatedSite, type SimulatedSite } from '../support/simulated-site.ts';

// The real file system, which loses its user.
vi.mock('node:fs/promises', async (load) => {
  const { mortalFiles } = await import('../support/mortal-files.ts');
  return mortalFiles(await load<typeof import('node:fs/promises')>());
});

let directory: string;
let site: SimulatedSite;
let layout: SeedLayout;
let options: RestoreOptions;
let whole: ReadonlyMap<string, string>;
const yes = async (): Promise<boolean> => true;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caisson-restore-'));
  const bundle = await writeSampleBundle(join(directory, 'sample.tar'));
  site = await simulatedSite({ directory, bundle, nodes: ONE_NODE });
  await site.install();
  layout = seedLayout(site.seedRoot);
  const { seal, opener } = await keyPair();
  const file = join(directory, 'backup.gpg');
  await backup(backupOptions(site, file, { seal }));
  options = restoreOptions(site, file, { opener });
  whole = new Map([...(await treeOf(site.seedRoot))].filter(([path]) => !path.includes('/bundles/')));
  await cp(site.options.clusterPath, join(directory, 'kept.yaml'));
});
afterAll(async () => {
  await site.end();
  await rm(directory, { recursive: true, force: true });
});
beforeEach(() => live());

async function lost(): Promise<void> {
  await rm(site.seedRoot, { recursive: true, force: true });
  await rm(site.options.clusterPath, { force: true });
}

async function killedAt(death: number, killable: RestoreOptions): Promise<void> {
  live(death);
  await restore(killable, yes).finally(() => Object.assign(life, { death: Infinity }));
}

describe.each([
  { as: 'the seed', newSeed: false },
  { as: 'a new seed', newSeed: true },
])('a restore as $as that is killed', ({ newSeed }) => {
  it('before any of its operations, or after the last, leaves no record, or everything, and is run again', async () => {
    const clock = risingClock();
    const killable = { ...options, newSeed, clock };
    await lost();
    live();
    await restore(killable, yes);
    const { operations } = life;
    const restored = withoutSeedSince(await treeOf(site.seedRoot));
    expect([...restored.keys()]).toEqual([...whole.keys()]);
    expect(operations).toBeGreaterThan(5 * whole.size);
    for (let at = 1; at <= operations + 1; at += 1) {
      await lost();
      const killed = killedAt(at, killable);
      if (at <= operations) await expect(killed, `killed before operation ${at}`).rejects.toThrow('killed');
      else await killed;
      const left = withoutSeedSince(withoutTemporary(await treeOf(site.seedRoot).catch(() => new Map<string, string>())));
      const names = [...left.keys()];
      for (const name of names) expect({ at, name, content: left.get(name) }).toEqual({ at, name, content: restored.get(name) });
      const hasRecord = names.some((name) => name.endsWith('caisson/site.json'));
      if (hasRecord) expect(names, `killed before operation ${at}`).toEqual([...whole.keys()]);
      // A run would make the record again from those of the hosts, and then secrets that it does not find.
      if (names.some((name) => name.includes('/authorities/ca.'))) expect(await readdir(layout.secrets)).toEqual(['store-root']);
      await restore(killable, yes);
      expect(withoutSeedSince(await treeOf(site.seedRoot)), `run again after a kill before operation ${at}`).toEqual(restored);
      expect(await readFile(site.options.clusterPath)).toEqual(await readFile(join(directory, 'kept.yaml')));
    }
  }, 120_000);
});

it('a restore as the seed puts back what was there', async () => {
  await lost();
  await restore(options, yes);
  expect(await treeOf(site.seedRoot)).toEqual(whole);
});

describe('a backup that is killed', () => {
  it('before any of its operations leaves no file of its name that is not whole', async () => {
    const { seal, opener } = await keyPair();
    const output = join(directory, 'killed.gpg');
    await backup(backupOptions(site, output, { seal, withData: false }));
    const { operations } = life;
    expect(operations).toBeGreaterThan(5);
    for (let at = 1; at <= operations; at += 1) {
      await rm(output, { force: true });
      live(at);
      await expect(backup(backupOptions(site, output, { seal, withData: false }))).rejects.toThrow('killed');
      live();
      const isThere = (await readdir(directory)).includes('killed.gpg');
      if (isThere) await restore({ ...options, file: output, opener }, yes);
      else await backup(backupOptions(site, output, { seal, withData: false }));
      expect(
        (await readdir(directory)).filter((name) => name.endsWith('.tmp')),
        `killed before operation ${at}`,
      ).toEqual([]);
    }
  });
});

/** A clock that shows another time whenever it is asked. */
function risingClock(): RestoreOptions['clock'] {
  const { clock } = site.options;
  let at = Date.UTC(2026, 1, 1);
  return { ...clock, now: () => new Date((at += 1000)) };
}

/** A restore as a new seed writes into the record when it was made. */
function withoutSeedSince(tree: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map(
    [...tree].map(([path, described]) => {
      const [mode = '', base64 = ''] = described.split(' ');
      if (!path.endsWith('caisson/site.json')) return [path, described];
      return [
        path,
        `${mode} ${Buffer.from(base64, 'base64')
          .toString()
          .replace(/^.*"seedSince".*\n/m, '')}`,
      ];
    }),
  );
}

function withoutTemporary(tree: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...tree].filter(([path]) => !path.endsWith('.tmp')));
}
