import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AGENT_STATE, BACKUP_TIMER, BACKUP_UNIT, DATA_PLACE, seedLayout, UNITS } from '../../src/site/index.ts';
import { treeOf } from '../support/backup-site.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { NODES, useGuideSites, type GuideSite } from './guide-site.ts';

const sites = useGuideSites(useTempDir());
const PAGE = join(import.meta.dirname, '../../docs/install.md');
/** Files of components, at the paths that the shipped manifests name. */
const OF_COMPONENTS = [
  '/etc/systemd/system/haproxy.service.d',
  '/opt/rainbond',
  '/grdata',
  '/etc/docker/daemon.json',
  '/usr/local/bin/kubectl',
  '/etc/sysctl.d',
  '/etc/modules-load.d',
];

interface Row {
  readonly path: string;
  readonly mode: string;
}

/** Rows of the table of every node, and of the table of the seed. */
async function readTables(): Promise<readonly [readonly Row[], readonly Row[]]> {
  const [, section = ''] = /\n## What is written where\n([\s\S]*?)\n## /.exec(await readFile(PAGE, 'utf8')) ?? [];
  const tables = section
    .split('\nOn the seed, also')
    .map((text) =>
      [...text.matchAll(/^\| (.+?) \|.*?(?:\| (0\d{3}) \|)?$/gm)]
        .map(([, path = '', mode = '']) => ({ path: pathOf(path), mode }))
        .filter(({ path }) => path.startsWith('/')),
    );
  const [node, seed] = tables;
  if (node === undefined || seed === undefined || tables.length > 2) throw new Error('docs/install.md has not two tables');
  return [node, seed];
}

/** The path of a row at the site of the test. */
function pathOf(text: string): string {
  const [path = ''] = text.replaceAll('`', '').split(' ');
  return path.replace('NAME', 'grctl').replace('SERVICE', 'etcd').replace('~', '/root');
}

const covers = (rows: readonly Row[], path: string): boolean =>
  rows.some((row) => path === row.path || path.startsWith(`${row.path}/`)) ||
  /^\/etc\/systemd\/system\/(rbd-|kube-)?[a-z-]+\.service$/.test(path);

async function siteWithSchedule(): Promise<GuideSite> {
  const site = await sites.bare([NODES.m1, NODES.g1, NODES.c1]);
  await site.editCluster((text) => `${text}backup: { directory: /srv/backups, recipients: [./operator.asc], schedule: daily }\n`);
  await site.site.install();
  return site;
}

describe('what is written where on hosts', () => {
  it('has a row for every file on every host and on the seed, with its mode', async () => {
    const { site } = await siteWithSchedule();
    const [node, seed] = await readTables();
    const missing = site.machines.flatMap((machine) =>
      [...machine.files.keys(), ...machine.links.keys()]
        .map((path) => ({ path: path.startsWith(site.seedRoot) ? path.slice(site.seedRoot.length) : path, original: path }))
        .filter(({ path }) => !OF_COMPONENTS.some((place) => path === place || path.startsWith(`${place}/`)))
        .filter(({ path, original }) => !covers(original === path ? [...node, ...(machine.name === 'm1' ? seed : [])] : seed, path))
        .map(({ path }) => `${machine.name}: ${path}`),
    );
    const own = [...(await treeOf(site.seedRoot)).keys()].map((path) => `/${path}`).filter((path) => !covers(seed, path));
    expect([...missing, ...own]).toEqual([]);

    const m1 = site.machine('m1');
    const modes = node.flatMap(({ path, mode }) => {
      const found = mode === '' ? undefined : m1.files.get(path);
      return found === undefined ? [] : [{ path, mode, found: `0${found.mode.toString(8)}` }];
    });
    expect(modes.length).toBeGreaterThan(4);
    expect(modes.filter(({ mode, found }) => mode !== found)).toEqual([]);
  });

  it('has no row for what is not there', async () => {
    const { site } = await siteWithSchedule();
    const m1 = site.machine('m1');
    const paths = [
      ...[...m1.files.keys(), ...m1.links.keys()].map((path) => path.replace(site.seedRoot, '')),
      ...[...(await treeOf(site.seedRoot)).keys()].map((path) => `/${path}`),
    ];
    const absent = (await readTables())
      .flat()
      .map(({ path }) => path)
      .filter((path) => !paths.some((known) => known === path || known.startsWith(`${path}/`)));
    // These come and go, or are written by the agent itself, by a login that is used once, or on hosts that had something before.
    expect(absent.sort()).toEqual(
      [
        ...[
          '/root/.ssh/authorized_keys',
          '/run/caisson/agent.sock',
          AGENT_STATE,
          // Of hosts with another package manager.
          '/etc/caisson/dnf',
          '/var/lib/caisson/dnf',
          DATA_PLACE,
          seedLayout().lastBackup,
          seedLayout().lastRenewal,
        ],
        ...['originals', 'replaced'].map((name) => `/var/lib/caisson/${name}`),
      ].sort(),
    );
    expect(paths).toEqual(expect.arrayContaining([`${UNITS}/${BACKUP_TIMER}`, `${UNITS}/${BACKUP_UNIT}`]));
  });
});
