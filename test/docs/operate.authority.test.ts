import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRecipient } from '../../src/backup/index.ts';
import { backup } from '../../src/usecases/index.ts';
import { ask } from '../support/ask.ts';
import { backupOptions, treeOf } from '../support/backup-site.ts';
import { ONE_NODE } from '../support/sample-install.ts';
import type { SimulatedSite } from '../support/simulated-site.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { useSampleSites } from '../support/use-sites.ts';
import { commandsOf, readGuide } from './guide-commands.ts';

const directory = useTempDir();
const samples = useSampleSites(directory);
/** GnuPG's home. Its sockets need a short path. */
let home: string;
beforeAll(async () => {
  home = await mkdtemp('/tmp/gnupg-');
});
afterAll(async () => {
  await ask('/', 'gpgconf', '--homedir', home, '--kill', 'all');
  await rm(home, { recursive: true, force: true });
});

/** Backs a site up to a key that gpg made and keeps. */
async function backedUp(): Promise<{ readonly site: SimulatedSite; readonly file: string }> {
  const site = await samples.open({ nodes: ONE_NODE });
  await site.install();
  const gpg = (...words: readonly string[]) => ask(directory(), 'gpg', '--homedir', home, '--batch', ...words);
  await gpg('--pinentry-mode', 'loopback', '--passphrase', '', '--quick-generate-key', 'operator', 'default', 'default', 'never');
  const { stdout } = await gpg('--armor', '--export', 'operator');
  const file = join(directory(), 'backup.gpg');
  await backup(backupOptions(site, file, { seal: { recipients: [await parseRecipient(stdout, 'operator.asc')] } }));
  return { site, file };
}

describe('gpg and tar', () => {
  it('list a backup, and take single files out of it, by the commands of the guide', async () => {
    const commands = commandsOf(await readGuide()).filter(({ text }) => text.startsWith('gpg '));
    expect(commands).toHaveLength(2);
    const { site, file } = await backedUp();
    const target = await mkdtemp(join(directory(), 'root-'));
    const printed: string[] = [];
    for (const { text } of commands) {
      const line = text.replace(' FILE ', ` ${file} `).replace(' -C / ', ` -C ${target} `);
      printed.push((await ask(directory(), 'env', `GNUPGHOME=${home}`, 'sh', '-c', line)).stdout);
    }
    expect(printed[0]).toMatch(/^-rw------- .* var\/lib\/caisson\/secrets\/store-root$/m);
    expect(await readdir(join(target, 'var/lib/caisson'))).toEqual(['secrets']);
    expect(await treeOf(join(target, 'var/lib/caisson/secrets'))).toEqual(await treeOf(join(site.seedRoot, 'var/lib/caisson/secrets')));
  });
});
