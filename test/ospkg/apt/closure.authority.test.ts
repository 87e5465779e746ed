import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { systemClock } from '../../../src/core/index.ts';
import { closePackages } from '../../../src/ospkg/apt/closure.ts';
import { type AptIndex, loadAptIndex } from '../../../src/ospkg/apt/load-index.ts';
import { type PackageSet, UnsolvableError } from '../../../src/ospkg/index.ts';
import { solveSet } from '../../../src/ospkg/apt/solve.ts';
import { Universe } from '../../../src/ospkg/apt/universe.ts';
import { aptSimulator } from '../../../src/resources/packages/apt/simulation.ts';
import { hostWithPackages, simulationRequest, type ControlFields } from '../../support/apt-host.ts';
import { DEBIAN_KEYRING, debianMirror, fetchFile } from '../../support/debian-mirror.ts';
import { type PrivateApt, privateApt } from '../../support/private-apt.ts';

const directory = mkdtempSync(join(tmpdir(), 'caisson-closure-'));
const manifest = parse(readFileSync(new URL('../../../manifests/os/debian-12.yaml', import.meta.url), 'utf8')) as {
  readonly base: { readonly priorities: readonly string[] };
  readonly packageSets: readonly PackageSet[];
};

let apt: PrivateApt;
let index: AptIndex;
let universe: Universe;

beforeAll(async () => {
  const sources = await debianMirror();
  const lines = sources.flatMap(({ url, suites }) =>
    suites.map((suite) => `deb [arch=amd64 signed-by=${fileURLToPath(DEBIAN_KEYRING)}] ${url} ${suite} main\n`),
  );
  apt = privateApt(directory, lines.join(''));
  const update = await apt.get('update');
  if (update.status !== 0) throw new Error(`apt-get update failed:\n${update.stdout}\n${update.stderr}`);
  index = await loadAptIndex(sources, { architecture: 'amd64', fetch: fetchFile, clock: systemClock });
  universe = new Universe(index.records, 'amd64');
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function ours(...names: readonly string[]): string[] {
  const resolution = solveSet(universe, names);
  if (!resolution.ok) throw new UnsolvableError(resolution.failures.map((failure) => ({ set: 'test', ...failure })));
  return resolution.packages.map(({ name, version }) => `${name} ${version}`).sort();
}

describe.concurrent('from an empty system, the closure is the one apt chooses', () => {
  it.each([
    'docker.io',
    'etcd-server',
    'etcd-server usr-is-merged',
    'mariadb-server',
    'nginx',
    'prometheus',
    'chrony',
    'nfs-kernel-server',
    'nfs-common',
    'python3',
    'keepalived',
    'openssh-server',
    'docker-registry',
    'ceph-common',
    'base-files', // Pre-Depends on a purely virtual package
    'bsd-mailx', // default-mta | mail-transport-agent
    'default-mta', // a virtual name with one provider
    'exim4',
    'init',
    'systemd',
    'polkitd', // alternatives that are both versioned provides
    'python3-yaml', // the same name three times, once with :any
    'default-jre-headless', // a circle
    'libc6', // another
    'linux-image-amd64',
    'php',
    'gnupg',
    'libjpeg-dev', // real and provided at once
    'cockpit-podman', // a tie between providers
  ])('%s', async (seeds) => {
    const names = seeds.split(' ');
    expect(ours(...names)).toEqual(await apt.wouldInstall('install', ...names));
  });

  it('for every set of the shipped manifest', async () => {
    for (const { packages } of manifest.packageSets) expect(ours(...packages)).toEqual(await apt.wouldInstall('install', ...packages));
  });

  it('for what is essential, which for apt includes apt', async () => {
    const essential = universe
      .common()
      .filter((candidate) => candidate.essential)
      .map(({ name }) => name);
    expect(essential.length).toBeGreaterThan(20);
    expect(ours(...essential.sort(), 'apt')).toEqual(await apt.wouldInstall('dist-upgrade'));
  });
});

describe('what apt refuses', () => {
  it.each([
    ['sysvinit-core', 'systemd-sysv'],
    ['chrony', 'systemd-timesyncd'],
    ['ntpsec', 'chrony'],
    ['postfix', 'exim4'],
    ['mariadb-server', 'mysql-server'],
    ['mail-transport-agent', 'nginx'],
  ])('is refused: %s with %s', async (...names) => {
    expect((await apt.get('-s', 'install', ...names)).status).not.toBe(0);
    expect(solveSet(universe, names).ok).toBe(false);
  });
});

it('finds another valid answer where apt exchanges one package for another (libsdl2-mixer-dev)', async () => {
  const theirs = await apt.wouldInstall('install', 'libsdl2-mixer-dev');
  const own = ours('libsdl2-mixer-dev');
  expect(own.length).toBe(theirs.length);
  expect(own.filter((entry) => !theirs.includes(entry) && !entry.startsWith('libjack-'))).toEqual([]);
});

it('has what a host with an older server of the same source needs, so that apt upgrades it and removes nothing', async () => {
  const { packages } = await closePackages(index, { sets: [{ name: 'client', packages: ['nfs-common'] }], base: manifest.base });
  const old = '1:2.6.2-1';
  const installed: readonly ControlFields[] = [
    { Package: 'nfs-kernel-server', Version: old, Depends: `nfs-common (= ${old})` },
    { Package: 'nfs-common', Version: old, Depends: `libnfsidmap1 (= ${old})` },
    { Package: 'libnfsidmap1', Version: old },
  ];
  const simulate = await aptSimulator(simulationRequest(packages.map(({ record }) => fieldsOf(record.stanza))));
  const host = await hostWithPackages(directory, installed);
  const { upgrades, problems } = await simulate(host, [{ name: 'nfs-common', recommends: false }], new AbortController().signal);
  expect(problems).toEqual([]);
  expect(upgrades.map(({ name, before }) => `${name} ${before}`).sort()).toEqual(
    installed.map(({ Package }) => `${Package} ${old}`).sort(),
  );
});

function fieldsOf(stanza: string): ControlFields {
  const fields = Object.fromEntries(
    [
      ...stanza.matchAll(
        /^(Package|Version|Architecture|Multi-Arch|Pre-Depends|Depends|Provides|Conflicts|Breaks|Replaces|Essential): (.*)$/gm,
      ),
    ].map(([, name = '', value = '']) => [name, value]),
  );
  return { ...fields, Package: fields['Package'] ?? '', Version: fields['Version'] ?? '' };
}

it('closes the shipped manifest so that apt can install each of its sets from what was chosen, and the base', async () => {
  const { packages } = await closePackages(index, { sets: manifest.packageSets, base: manifest.base });
  const chosen = new Set(packages.map(({ record }) => `${record.name} ${record.version}`));
  for (const set of manifest.packageSets) {
    expect((await apt.wouldInstall('install', ...set.packages)).filter((entry) => !chosen.has(entry))).toEqual([]);
  }
  expect((await apt.wouldInstall('dist-upgrade')).filter((entry) => !chosen.has(entry))).toEqual([]);
  expect(packages.length).toBeGreaterThan(200);
  expect(packages.every(({ sets }) => sets.length > 0)).toBe(true);
});
