import { describe, expect, it } from 'vitest';
import { useCommandSites, type CommandSite } from '../../support/command-site.ts';
import { THREE_NODES } from '../../support/sample-install.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const sites = useCommandSites(useTempDir());
const TWO = THREE_NODES.slice(0, 2);
const upgrade = (...words: readonly string[]): readonly string[] => ['upgrade', '--bundle', sites.bundles().next, ...words];
const storeOf = ({ site }: CommandSite): string => site.machine('m1').text('/opt/sample/store.conf');
/** Without the table of steps. */
const changesIn = (text: string): string => text.replace(/\nHOST [^]*?\n\n/, '');

describe('caisson upgrade', () => {
  it('prints what changes and what follows with --plan, and whether a backup is made first', async () => {
    const site = await sites.installed(TWO);
    expect(changesIn(await site.told(upgrade('--plan')))).toMatchInlineSnapshot(`
      "[stdout]
      + m1: bundle SEED/var/lib/caisson/bundles/sample-1.3-DIGEST.tar (caisson-seed): it is not there yet
      ~ m1: file /etc/systemd/system/caisson-depot.service (caisson-seed): its content differs; it is declared otherwise now
      ~ m1: unit caisson-depot.service (caisson-seed): /etc/systemd/system/caisson-depot.service changes
      ~ m1: package-source /etc/caisson/apt/updated-for (caisson): its metadata are those of another bundle; it is declared otherwise now
      ~ f1: package-source /etc/caisson/apt/updated-for (caisson): its metadata are those of another bundle; it is declared otherwise now
      ~ m1: file /opt/sample/store.conf (store): its content differs; it is declared otherwise now
      ~ m1: definition /opt/sample/conf/store.yaml (store): its content differs; it is declared otherwise now
      + f1: file /opt/sample/web.conf (web): it is not there yet
      ~ f1: definition /opt/sample/conf/web.yaml (web): its content differs; it is declared otherwise now
      - m1: package jq (caisson): it is not wanted any more
      What follows:
        store on m1 restarts; meanwhile it does not serve web
        web on f1 restarts
      sample 1.3 is not signed: compare its digest, sha256:DIGEST, with the one that its builder tells you
      No backup is made first: cluster.yaml has no backup section
      14 steps would run; nothing was changed
      Resources: 2 to add, 7 to change, 1 to remove, 99 as declared
      [status 0]"
    `);
    expect(storeOf(site)).not.toContain('keep=7');
  });

  it('asks, and on yes says what came of it; a second one finds nothing to do', async () => {
    const site = await sites.installed(TWO);
    expect(await site.run(upgrade())).toMatchObject({ status: 2, err: expect.stringContaining('the input is not a terminal') });
    expect(await site.run(upgrade(), { typed: 'n\n' })).toMatchObject({ status: 130 });
    expect(storeOf(site)).not.toContain('keep=7');
    expect(await site.run(upgrade(), { typed: 'y\n' })).toMatchObject({ status: 0, out: expect.stringMatching(/^Done: \d+ of \d+ steps/) });
    expect(storeOf(site)).toContain('keep=7');
    expect((await site.run(upgrade('--unsigned', '--yes'))).out).toBe('Everything was as declared; nothing was changed (0 s)\n');
  });

  it('names each component that is not healthy by its host, and changes nothing', async () => {
    const site = await sites.installed(TWO);
    site.site.machine('f1').sick.add('web');
    expect(await site.told(upgrade('--unsigned', '--yes'))).toMatchInlineSnapshot(`
      "[stderr]
      Error SITE_CONFLICT: Cannot change this site: 1 conflict
        f1: web is unhealthy: no image
          Mend it first; where the new bundle is the remedy: caisson install --offline --bundle FILE, which does not ask for health
        Nothing was changed
      [status 6]"
    `);
    expect(storeOf(site)).not.toContain('keep=7');
  });

  it('wants a bundle', async () => {
    const { told } = await sites.bare(TWO);
    expect(await told(['upgrade'])).toMatchInlineSnapshot(`
      "[stderr]
      Error USAGE: Cannot upgrade without a bundle
        Add --bundle FILE, or --online with --lock FILE; to repair with the one that is installed: caisson install --offline
      [status 2]"
    `);
  });
});

describe('caisson rollback', () => {
  it('prints what changes back with --plan, asks, and goes back to the bundle before', async () => {
    const site = await sites.installed(TWO);
    await site.run(upgrade('--unsigned', '--yes'));
    expect(changesIn(await site.told(['rollback', '--plan']))).toMatchInlineSnapshot(`
      "[stdout]
      ~ m1: file /etc/systemd/system/caisson-depot.service (caisson-seed): its content differs; it is declared otherwise now
      ~ m1: unit caisson-depot.service (caisson-seed): /etc/systemd/system/caisson-depot.service changes
      ~ m1: package-source /etc/caisson/apt/updated-for (caisson): its metadata are those of another bundle; it is declared otherwise now
      + m1: package jq (caisson): it is not there yet
      ~ f1: package-source /etc/caisson/apt/updated-for (caisson): its metadata are those of another bundle; it is declared otherwise now
      ~ m1: file /opt/sample/store.conf (store): its content differs; it is declared otherwise now
      ~ m1: definition /opt/sample/conf/store.yaml (store): its content differs; it is declared otherwise now
      ~ f1: definition /opt/sample/conf/web.yaml (web): its content differs; it is declared otherwise now
      - f1: file /opt/sample/web.conf (web): it is not wanted any more
      Packages that come, with what they need:
        m1: 1 new (jq 1.6-2.1)
      What follows:
        store on m1 restarts; meanwhile it does not serve web
        web on f1 restarts
      13 steps would run; nothing was changed
      Resources: 1 to add, 7 to change, 1 to remove, 100 as declared
      [status 0]"
    `);
    expect(storeOf(site)).toContain('keep=7');
    expect(await site.run(['rollback'], { typed: 'n\n' })).toMatchObject({ status: 130 });
    expect(await site.run(['rollback'], { typed: 'y\n' })).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^Done: \d+ of \d+ steps/),
    });
    expect(storeOf(site)).not.toContain('keep=7');
    expect((await site.run(['history'])).out.split('\n').map((line) => line.split(/ {2,}/)[3])).toEqual(
      expect.arrayContaining(['install', 'upgrade', 'rollback']),
    );
  });

  it('refuses where there is no bundle before', async () => {
    const { told } = await sites.installed(TWO);
    expect(await told(['rollback', '--yes'])).toMatchInlineSnapshot(`
      "[stderr]
      Error SITE_CONFLICT: Cannot change this site: 1 conflict
        SEED/var/lib/caisson/site.json: there is no bundle to go back to
          Run this on the seed of a site that was upgraded
        Nothing was changed
      [status 6]"
    `);
  });
});
