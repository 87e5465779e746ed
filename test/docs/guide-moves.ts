import { expect } from 'vitest';
import { runs, type Scenario } from './guide-scenario.ts';
import { NODES, type GuideSite } from './guide-site.ts';

const { m1, g1, c1 } = NODES;
const OTHERS = ['m2', 'm3'].map((name, index) => ({ name, address: `10.0.0.${15 + index}`, roles: ['manage'] }));
const TABLES = '/opt/rainbond/data/mysql/tables';

const standsOn = (site: GuideSite, service: string): readonly string[] =>
  site.site.machines.filter((machine) => runs(machine, service)).map(({ name }) => name);

export const MOVE_SCENARIOS: readonly Scenario[] = [
  {
    section: 'Where components run',
    open: async (sites) => {
      const site = await sites.installed([m1, ...OTHERS, g1, c1]);
      site.machine('m1').write('/opt/rainbond/data/etcd/member/db', 'etcd', 0o600);
      site.machine('m1').write(TABLES, 'rows and keys of years', 0o600);
      return site;
    },
    steps: [
      { command: 'caisson component list', check: (_site, { out }) => expect(out).toMatch(/^rbd-hub +one +m1 /m) },
      {
        command: 'caisson component move rbd-hub --to m2 --begin-empty --plan',
        check: (site, { out }) => {
          expect(out).toContain('rbd-hub moves from m1 to m2: its data stay on m1, in /grdata/services/registry');
          expect(standsOn(site, 'rbd-hub')).toEqual(['m1']);
        },
      },
      {
        command: 'caisson component move rbd-hub --from m1 --to m2 --begin-empty',
        check: async (site) => {
          expect(standsOn(site, 'rbd-hub')).toEqual(['m2']);
          expect(await site.cluster()).toContain('place: { rbd-hub: m2 }');
        },
      },
      {
        command: 'caisson backup --output before-move.gpg --passphrase-file passphrase',
        check: (_site, { out }) => expect(out).toContain('  m1: rbd-db (databases.sql, 22 B)\n'),
      },
      {
        command: 'caisson component move rbd-db --to m2 --begin-empty',
        check: (site) => {
          expect(standsOn(site, 'rbd-db')).toEqual(['m2']);
          expect(site.machine('m2').text(TABLES)).toBe('');
        },
      },
      {
        command: 'caisson restore before-move.gpg --passphrase-file passphrase --data --component rbd-db',
        check: async (site) => {
          expect(site.machine('m2').text(TABLES)).toBe('rows and keys of years');
          expect(site.machine('m1').text(TABLES)).toBe('rows and keys of years');
          expect(standsOn(site, 'rbd-db')).toEqual(['m2']);
          expect((await site.site.install()).changed).toBe(0);
        },
      },
    ],
  },
];
