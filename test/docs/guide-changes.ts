import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openFileStore, seedLayout, upstreamSettingsPath } from '../../src/site/index.ts';
import { keptPassword, prepare, says, type Scenario, type Step } from './guide-scenario.ts';
import { NODES, type GuideSite } from './guide-site.ts';

const { m1, g1, c1 } = NODES;
const PROMETHEUS = '/opt/rainbond/etc/prom/config/prometheus.yml';
const CLIENT = '/opt/rainbond/etc/rbd-db/client.cnf';

const AUTHORITY = '/opt/rainbond/etc/etcd/ssl/ca.crt';

const versionOf = async ({ site }: GuideSite): Promise<string | undefined> =>
  (await openFileStore(seedLayout(site.seedRoot).record).read())?.bundle?.version;

/** Certificates of authorities that etcd trusts. */
const trusted = (site: GuideSite): readonly string[] =>
  (
    site
      .machine('m1')
      .text(AUTHORITY)
      .match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []
  ).map((pem) => new X509Certificate(pem).fingerprint256);

/** Checks that the seed, the database and its client have one password, and that the notes of a change are gone. */
async function expectOnePassword(site: GuideSite): Promise<string> {
  const password = await keptPassword(site);
  expect(site.platform.password).toBe(password);
  expect(site.machine('m1').text(CLIENT)).toContain(password);
  expect((await readdir(seedLayout(site.site.seedRoot).secrets)).filter((name) => name.startsWith('db-root'))).toEqual(['db-root']);
  return password;
}

const bundlesOf = ({ site }: GuideSite): string => seedLayout(site.seedRoot).bundles;
/** A bundle in the directory of the seed that no run put there. */
const strayBundle = (site: GuideSite): string => join(bundlesOf(site), `sample-5.1.10-${'0'.repeat(12)}.tar`);

const newer: Step['names'] = ({ names }) => ({ FILE: names['rainbond-5.1.12-linux-amd64.tar'] ?? '' });
const installed: Scenario['open'] = (sites) => sites.installed([m1, g1, c1]);

/** Texts that a step keeps for the check of its command. */
const kept = new Map<string, string>();

const INSTALL_ONLINE = [
  'caisson install --online --lock bundle.lock.json --manifests manifests --images images.txt --executable caisson-linux-amd64',
  '--cluster cluster.yaml --mirror docker.io=https://mirror.example.com',
].join(' ');
const supplyOf = async ({ site }: GuideSite): Promise<string | undefined> =>
  (await openFileStore(seedLayout(site.seedRoot).record).read())?.bundle?.supply;

export const CHANGE_SCENARIOS: readonly Scenario[] = [
  {
    section: 'Options and the domain',
    open: installed,
    steps: [
      { command: 'caisson option list', check: says('logging     file') },
      {
        command: 'caisson option set domain apps.example.org',
        check: async (site) => {
          expect(await site.cluster()).toContain('domain: apps.example.org');
          expect(site.machine('c1').text('/opt/rainbond/conf/rbd-dns.yaml')).toContain('apps.example.org');
        },
      },
      {
        command: 'caisson option set NAME CHOICE [VALUE=TEXT …]',
        names: () => ({ 'NAME CHOICE [VALUE=TEXT …]': 'logging remote server=10.0.0.9' }),
        check: async (site) => expect(await site.cluster()).toContain('logging: { choice: remote, server: 10.0.0.9 }'),
      },
    ],
  },
  {
    section: 'Upgrade, and Go back',
    open: installed,
    steps: [
      {
        command: 'caisson upgrade --bundle rainbond-5.1.12-linux-amd64.tar --plan',
        check: async (site, ended) => {
          expect(ended.out).toContain(`~ m1: file ${PROMETHEUS}`);
          expect(await versionOf(site)).toBe('5.1.11');
        },
      },
      {
        command: 'caisson upgrade --bundle rainbond-5.1.12-linux-amd64.tar',
        check: async (site) => {
          expect(await versionOf(site)).toBe('5.1.12');
          expect(site.machine('m1').text(PROMETHEUS)).toContain('# 5.1.12');
        },
      },
      { command: 'caisson rollback --plan', check: async (site) => expect(await versionOf(site)).toBe('5.1.12') },
      {
        command: 'caisson rollback',
        check: async (site) => {
          expect(await versionOf(site)).toBe('5.1.11');
          expect(site.machine('m1').text(PROMETHEUS)).not.toContain('# 5.1.12');
        },
      },
      {
        before: async (site) => site.machine('m1').write(PROMETHEUS, 'changed by hand', 0o644),
        command: 'caisson install --offline --bundle FILE',
        names: newer,
        check: async (site) => {
          expect(await versionOf(site)).toBe('5.1.12');
          expect(site.machine('m1').text(PROMETHEUS)).toContain('# 5.1.12');
        },
      },
      {
        before: async (site) => site.machine('m1').write(PROMETHEUS, 'changed by hand', 0o644),
        command: 'caisson install --offline',
        check: (site) => expect(site.machine('m1').text(PROMETHEUS)).toContain('# 5.1.12'),
      },
      { command: 'caisson history', check: says('rollback') },
    ],
  },
  {
    section: 'What is kept',
    open: installed,
    steps: [
      {
        before: (site) => prepare(site, 'caisson upgrade --bundle rainbond-5.1.12-linux-amd64.tar'),
        command: 'caisson bundles',
        check: (_site, { out }) => {
          expect(out).toMatch(/5\.1\.11 .* before /);
          expect(out).toMatch(/5\.1\.12 .* in force /);
        },
      },
      {
        before: (site) => copyFile(site.names['rainbond-5.1.12-linux-amd64.tar'] ?? '', strayBundle(site)),
        command: 'caisson bundles prune --plan',
        check: async (site) => expect(await readdir(bundlesOf(site))).toHaveLength(3),
      },
      {
        command: 'caisson bundles prune',
        check: async (site) => {
          expect(await readdir(bundlesOf(site))).toHaveLength(2);
          expect(await versionOf(site)).toBe('5.1.12');
        },
      },
    ],
  },
  {
    section: 'Online and offline',
    open: (sites) => sites.online(),
    steps: [
      {
        command: INSTALL_ONLINE,
        check: async (site) => {
          expect(await supplyOf(site)).toBe('online');
          expect(site.machine('m1').text(upstreamSettingsPath(seedLayout(site.site.seedRoot)))).toContain('mirror.example.com');
        },
      },
      { command: 'caisson install --offline --bundle FILE', check: async (site) => expect(await supplyOf(site)).toBeUndefined() },
      {
        before: (site) => prepare(site, INSTALL_ONLINE),
        command: 'caisson install --online',
        check: async (site) => expect(await supplyOf(site)).toBe('online'),
      },
    ],
  },
  {
    section: 'Certificates',
    open: installed,
    steps: [
      { command: 'caisson certificates', check: says('node-g1') },
      {
        before: async (site) => {
          kept.set('node', site.machine('g1').text('/etc/caisson/pki/node.crt'));
        },
        command: 'caisson certificates renew node-g1 depot',
        check: (site) => {
          const { serialNumber } = new X509Certificate(site.machine('g1').text('/etc/caisson/pki/node.crt'));
          expect(serialNumber).not.toBe(new X509Certificate(kept.get('node') ?? '').serialNumber);
        },
      },
      { command: 'caisson certificates renew --due', check: says('No certificate is due') },
      {
        before: async (site) => {
          kept.set('etcd', trusted(site).join());
        },
        command: 'caisson certificates rotate etcd',
        // One command makes the three runs.
        check: (site) => {
          expect(trusted(site)).toHaveLength(1);
          expect(trusted(site).join()).not.toBe(kept.get('etcd'));
        },
      },
    ],
  },
  {
    section: 'Secrets',
    open: installed,
    steps: [
      {
        command: 'caisson secrets',
        check: async (site, { out }) => {
          expect(out).toMatch(/^db-root +rbd-db +rbd-db on m1 /m);
          expect(out).not.toContain(await keptPassword(site));
        },
      },
      {
        before: async (site) => {
          kept.set('password', await expectOnePassword(site));
        },
        command: 'caisson secrets change db-root',
        check: async (site) => expect(await expectOnePassword(site)).not.toBe(kept.get('password')),
      },
      {
        before: async (site) => writeFile(site.file('value'), 'chosen.by-hand_42\n', { mode: 0o600 }),
        command: 'caisson secrets change db-root --value-file FILE',
        names: (site) => ({ FILE: site.file('value') }),
        check: async (site) => expect(await expectOnePassword(site)).toBe('chosen.by-hand_42'),
      },
      {
        before: async (site) => {
          site.platform.refuses = true;
          expect(await site.run('caisson secrets change db-root')).toMatchObject({ status: 6 });
          site.platform.refuses = false;
        },
        command: 'caisson secrets change db-root --undo',
        check: async (site) => expect(await expectOnePassword(site)).toBe('chosen.by-hand_42'),
      },
    ],
  },
  {
    section: 'Messages, and an archive for support',
    open: async (sites) => {
      const made = await installed(sites);
      for (const machine of made.site.machines) {
        machine.programs.set('journalctl', (words) => ({ stdout: `${JSON.stringify(messageOf(machine.name, words))}\n` }));
      }
      return made;
    },
    steps: [
      { command: 'caisson logs rbd-db', check: says('m1 rbd-db: --lines=100') },
      { command: 'caisson logs docker --node c1 --since=-1h --lines 1000', check: says('c1 docker: --lines=1000 --since=-1h') },
      { command: 'caisson logs agent', check: (_site, { out }) => expect(out.match(/caisson-agent: /g)).toHaveLength(3) },
      {
        command: 'caisson support-bundle --output FILE',
        names: (site) => ({ FILE: site.file('support.tar.gz') }),
        check: (site, { out }) => {
          expect(out).toContain(`Wrote ${site.file('support.tar.gz')}: `);
          expect(existsSync(site.file('support.tar.gz'))).toBe(true);
        },
      },
    ],
  },
];

/** An entry of the simulated journald that repeats how much it was asked for. */
function messageOf(host: string, words: readonly string[]): Readonly<Record<string, string>> {
  const unit = words.find((word) => word.startsWith('--unit='))?.slice('--unit='.length) ?? '';
  const asked = words.filter((word) => /^--(?:lines|since)=/.test(word)).join(' ');
  return { __CURSOR: host, __REALTIME_TIMESTAMP: '1767225600000000', _SYSTEMD_UNIT: unit, MESSAGE: asked };
}
