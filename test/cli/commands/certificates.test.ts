import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { useCommandSites, type CommandSite } from '../../support/command-site.ts';
import { THREE_NODES } from '../../support/sample-install.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const sites = useCommandSites(useTempDir());
const TWO = THREE_NODES.slice(0, 2);
const ROTATE = ['certificates', 'rotate', 'site'];

const serialOf = ({ site }: CommandSite, host: string): string =>
  new X509Certificate(site.machine(host).text('/etc/caisson/pki/node.crt')).serialNumber;
const authoritiesOn = ({ site }: CommandSite, host: string): number =>
  site.machine(host).text('/etc/caisson/pki/ca.crt').split('BEGIN CERTIFICATE').length - 1;
/** The lines of a text that have a word. */
const linesWith = (text: string, ...words: readonly string[]): readonly string[] =>
  text.split('\n').filter((line) => words.some((word) => line.includes(word)));

describe('caisson certificates', () => {
  it('lists each with its authority, names and end, the first to end first', async () => {
    const site = await sites.installed(TWO);
    expect(await site.told(['certificates'])).toMatchInlineSnapshot(`
      "[stdout]
      NAME          AUTHORITY  SUBJECT                           NAMES                                      ENDS        DAYS LEFT
      depot         site       CN=depot.sample.internal          depot.sample.internal 10.0.0.11 127.0.0.1  2028-04-05  825
      node-f1       site       CN=f1                             f1 10.0.0.12                               2028-04-05  825
      node-m1       site       CN=m1                             m1 10.0.0.11                               2028-04-05  825
      operator      site       O=caisson:operators, CN=operator                                             2028-04-05  825
      store-tls-m1  site       CN=m1                             m1 localhost 10.0.0.11 127.0.0.1           2028-04-05  825
      site          (is one)   CN=sample site authority                                                     2035-12-30  3650
      [status 0]"
    `);
    const listed: unknown = JSON.parse((await site.run(['certificates', '--json'])).out);
    expect(listed).toMatchObject({
      type: 'result',
      certificates: expect.arrayContaining([expect.objectContaining({ name: 'node-f1', authority: 'site', isAuthority: false })]),
      rotations: [],
    });
  });

  it('says that a machine keeps none', async () => {
    const site = await sites.bare(TWO);
    expect(await site.told(['certificates'])).toBe('[stdout]\nThis machine keeps no certificates of a site\n[status 0]');
  });
});

describe('caisson certificates renew', () => {
  it('plans, asks, and issues those that are named', async () => {
    const site = await sites.installed(TWO);
    const before = [serialOf(site, 'm1'), serialOf(site, 'f1')];
    const words = ['certificates', 'renew', 'node-f1', 'depot'];
    expect(await site.told([...words, '--plan'])).toMatchInlineSnapshot(`
      "[stdout]
      ~ m1: certificate depot (caisson-seed): SEED/etc/caisson/depot/tls.crt: its content differs; it is made anew
      ~ m1: unit caisson-depot.service (caisson-seed): SEED/etc/caisson/depot/tls.crt changes
      ~ f1: certificate node (caisson): /etc/caisson/pki/node.crt: its content differs; it is made anew
      ~ f1: unit caisson-agent.service (caisson): /etc/caisson/pki/node.crt changes

      HOST  PHASE          STEP
      m1    record         note what the site will have on this host
      m1    start-depot    make the certificate authority and the keys of this site
      m1    start-depot    serve the bundle
      f1    record         note what the site will have on this host
      f1    prepare-hosts  write names of the cluster, trust and settings of the site
      f1    prepare-hosts  run the agent
      m1    record         note what the site has on this host
      f1    record         note what the site has on this host

      8 steps would run; nothing was changed
      Resources: 0 to add, 4 to change, 0 to remove, 103 as declared
      [status 0]"
    `);
    expect(await site.run(words)).toMatchObject({ status: 2, err: expect.stringContaining('the input is not a terminal') });
    expect([serialOf(site, 'm1'), serialOf(site, 'f1')]).toEqual(before);
    expect(await site.run(words, { typed: 'y\n' })).toMatchObject({ status: 0, out: expect.stringContaining('Done: ') });
    expect(serialOf(site, 'm1')).toBe(before[0]);
    expect(serialOf(site, 'f1')).not.toBe(before[1]);
  });

  it('refuses a name that is none, and says where the names are', async () => {
    const site = await sites.installed(TWO);
    expect(await site.told(['certificates', 'renew', 'node-f2', '--yes'])).toMatchInlineSnapshot(`
      "[stderr]
      Error USAGE: Cannot renew "node-f2": the site has no such certificate
        did you mean "node-f1"? List them: caisson certificates
      [status 2]"
    `);
  });
});

describe('caisson certificates rotate', () => {
  it('plans the phase that comes next, and changes nothing', async () => {
    const site = await sites.installed(TWO);
    const before = await site.told(['certificates']);
    expect(await site.told([...ROTATE, '--plan'])).toMatchInlineSnapshot(`
      "[stdout]
      ~ m1: file SEED/etc/caisson/pki/ca.crt (caisson-seed): its content differs; it is made anew
      ~ m1: file /etc/caisson/pki/ca.crt (caisson): its content differs; it is made anew
      ~ m1: file /etc/docker/certs.d/depot.sample.internal:PORT/ca.crt (caisson): its content differs; it is made anew
      ~ m1: file /etc/docker/certs.d/registry.example/ca.crt (caisson): its content differs; it is made anew
      ~ m1: unit caisson-agent.service (caisson): /etc/caisson/pki/ca.crt changes
      ~ f1: file /etc/caisson/pki/ca.crt (caisson): its content differs; it is made anew
      ~ f1: file /etc/docker/certs.d/depot.sample.internal:PORT/ca.crt (caisson): its content differs; it is made anew
      ~ f1: file /etc/docker/certs.d/registry.example/ca.crt (caisson): its content differs; it is made anew
      ~ f1: unit caisson-agent.service (caisson): /etc/caisson/pki/ca.crt changes
      ~ m1: certificate store/tls (store): /opt/sample/ssl/ca.crt: its content differs; it is made anew
      ~ m1: definition /opt/sample/conf/store.yaml (store): its content differs; it is made anew
      What follows:
        store on m1 restarts; meanwhile it does not serve web
      Phase 1 of 3 of the rotation of authority "site": every host gets the next authority beside the present one

      HOST  PHASE                 STEP
      m1    record                note what the site will have on this host
      m1    start-depot           make the certificate authority and the keys of this site
      f1    record                note what the site will have on this host
      m1    prepare-hosts         write names of the cluster, trust and settings of the site
      m1    prepare-hosts         run the agent
      f1    prepare-hosts         write names of the cluster, trust and settings of the site
      f1    prepare-hosts         run the agent
      m1    configure-components  configure store
      m1    start-components      restart store
      m1    record                note what the site has on this host
      f1    record                note what the site has on this host

      11 steps would run; nothing was changed
      Resources: 0 to add, 11 to change, 0 to remove, 96 as declared
      [status 0]"
    `);
    expect(await site.run(ROTATE)).toMatchObject({ status: 2, err: expect.stringContaining('the input is not a terminal') });
    expect(await site.told(['certificates'])).toBe(before);
  });

  it('asks for each of the three phases, stays where one is not approved, says so, and goes on from there', async () => {
    const site = await sites.installed(TWO);
    // The answer to the question of the second phase.
    const stopped = await site.run(ROTATE, { typed: ['y\n', 'n\n'] });
    expect(stopped).toMatchObject({ status: 130, err: expect.stringContaining('Stopped before anything was changed') });
    expect(linesWith(stopped.err, 'Phase ')).toMatchInlineSnapshot(`
      [
        "Phase 1 of 3 of the rotation of authority "site": every host gets the next authority beside the present one",
        "Phase 2 of 3 of the rotation of authority "site": the next authority issues every certificate again; both are trusted",
      ]
    `);
    expect(authoritiesOn(site, 'f1')).toBe(2);
    const between = await site.run(['certificates']);
    expect(linesWith(between.out, 'being replaced')).toEqual([
      'The authority "site" is being replaced, phase 2 of 3; go on with: caisson certificates rotate site',
    ]);
    expect(JSON.parse((await site.run(['certificates', '--json'])).out)).toMatchObject({
      rotations: [{ authority: 'site', phase: 'issue' }],
    });
    expect(linesWith((await site.run([...ROTATE, '--plan'])).out, 'Phase ')).toEqual([expect.stringContaining('Phase 2 of 3')]);

    const serial = serialOf(site, 'f1');
    const ended = await site.run(ROTATE, { typed: 'y\n' });
    expect(ended).toMatchObject({ status: 0, out: expect.stringContaining('Done: ') });
    expect(linesWith(ended.err, 'Phase ').map((line) => /Phase \d of 3/.exec(line)?.[0])).toEqual(['Phase 2 of 3', 'Phase 3 of 3']);
    expect(authoritiesOn(site, 'f1')).toBe(1);
    expect(serialOf(site, 'f1')).not.toBe(serial);
    expect(JSON.parse((await site.run(['certificates', '--json'])).out)).toMatchObject({ rotations: [] });
    expect((await site.run(['history'])).out).toContain('rotate authority');
  });

  it('gives the steps of all phases as data with --json, and never a key', async () => {
    const site = await sites.installed(TWO);
    const { status, out, err } = await site.run([...ROTATE, '--yes', '--json']);
    expect(status).toBe(0);
    expect(JSON.parse(out.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({ type: 'result', changed: expect.any(Number), seconds: 0 });
    expect(out + err).not.toContain('PRIVATE KEY');
  });

  it('refuses an authority that the site does not have', async () => {
    const site = await sites.installed(TWO);
    expect(await site.told(['certificates', 'rotate', 'sit', '--yes'])).toMatchInlineSnapshot(`
      "[stderr]
      Error USAGE: Cannot rotate "sit": the site has no such authority
        did you mean "site"? List them: caisson certificates
      [status 2]"
    `);
  });

  it('refuses to begin while a host does not answer', async () => {
    const site = await sites.installed(TWO);
    const { machines } = site.site.options;
    const connect = machines?.connect;
    Object.assign(machines ?? {}, {
      connect: (...words: Parameters<NonNullable<typeof connect>>) =>
        words[0].name === 'f1' ? Promise.reject(new Error('"f1" does not answer')) : connect?.(...words),
    });
    const refused = await site.run([...ROTATE, '--yes']);
    expect(refused).toMatchObject({ status: 6, err: expect.stringContaining('f1') });
    expect(authoritiesOn(site, 'm1')).toBe(1);
  });
});
