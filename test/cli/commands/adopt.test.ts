import { existsSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { seedLayout } from '../../../src/site/index.ts';
import { PASSPHRASE } from '../../support/backup-site.ts';
import { lostSeed } from '../../support/lost-seed.ts';
import { runCaisson as caisson } from '../../support/run-caisson.ts';
import { useTempDir } from '../../support/temp-dir.ts';
import { useSampleSites } from '../../support/use-sites.ts';

const temp = useTempDir();
const samples = useSampleSites(temp);

describe('caisson adopt', () => {
  it('shows what it rebuilds and what follows on the hosts, asks for both, and says how it ended', async () => {
    const site = await lostSeed(temp(), samples.open);
    const root = join(temp(), 'seed-of-f2');
    const { machines } = site.byKeys(root);
    const { bundlePaths, clusterPath, clock } = site.three.options;
    const run = (words: readonly string[]) => caisson(['adopt', ...words], { clock, machines });
    const words = ['--authority-key', site.keys, '--cluster', clusterPath, '--bundle', ...bundlePaths, '--forget', 'f1'];
    const planned = await run([...words, '--plan']);
    expect(planned).toMatchObject({ status: 0, err: '' });
    expect(planned.out).toMatch(/^The seed of site "sample" \(\w+\) was "f1" and will be "f2", this machine\n/);
    expect(planned.out).toContain(`+ ${seedLayout(root).record} (0600)\n`);
    expect(planned.out).toContain(`~ ${clusterPath}: lost nodes go, and the depot is at this machine\n`);
    expect(planned.out).toContain('The secret "store-root" was read back from m1: /opt/sample/store.conf\n');
    expect(planned.out).toContain('+ f2: unit caisson-depot.service (');
    expect(await run(words)).toMatchObject({ status: 2, err: expect.stringContaining('Cannot ask before the first file') });
    expect(existsSync(seedLayout(root).record)).toBe(false);
    // The keys vouch for the site, and not for the bundle.
    expect(await run([...words, '--yes'])).toMatchObject({ status: 4, err: expect.stringContaining('--unsigned') });
    expect(existsSync(seedLayout(root).record)).toBe(false);
    const adopted = await run([...words, '--unsigned', '--yes']);
    expect(adopted).toMatchObject({ status: 0, out: expect.stringContaining('"f2", this machine, is the seed of site "sample"\nDone: ') });
    const secret = await readFile(join(seedLayout(root).secrets, 'store-root'), 'utf8');
    for (const { out, err } of [planned, adopted]) expect(out + err).not.toContain(secret);
    const again = await run([...words, '--yes', '--json']);
    expect(JSON.parse(again.out.trim().split('\n').at(-1) ?? '')).toMatchObject({ outcome: 'adopted', seed: 'f2', changed: 0, files: [] });
  });

  it.each<readonly [string, readonly string[], string]>([
    ['what the site is rebuilt from', [], 'with --backup or with --authority-key'],
    ['one of the two', ['--backup', 'F', '--authority-key', 'D'], 'with --backup or with --authority-key'],
    ['what opens the backup', ['--backup', 'F'], 'Cannot adopt: say what opens the file'],
    ['no secrets beside a backup', ['--backup', 'F', '--new-secrets'], 'a backup has all secrets of the site'],
  ])('must be told %s', async (_, argv, message) => {
    writeFileSync(join(temp(), 'passphrase'), PASSPHRASE, { mode: 0o600 });
    const { status, err } = await caisson(['adopt', ...argv]);
    expect({ status, err }).toEqual({ status: 2, err: expect.stringContaining(message) });
  });
});
