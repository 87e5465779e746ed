import { X509Certificate } from 'node:crypto';
import { dirname, posix } from 'node:path';
import type { BackupFile } from '../../backup/index.ts';
import { closeBundles } from '../../bundle/index.ts';
import { declaredNodes, type ClusterSpec, type NodeSpec } from '../../cluster/index.ts';
import { CaissonError, digestOf } from '../../core/index.ts';
import { isOwnAddress, readRemoteFile } from '../../host/index.ts';
import { ifPresent, isThere, readTextFile } from '../../io/index.ts';
import { connectHosts, HostsUnfitError, type ConnectedHosts } from '../../preflight/index.ts';
import { IN_FORCE } from '../../resources/index.ts';
import {
  foreignHosts,
  generationFiles,
  HOST_RECORD,
  openFileStore,
  openSecretStore,
  parseHostRecord,
  PKI,
  REAL_MACHINES,
  readGenerations,
  rebuildRecord,
  seedLayout,
  SiteConflictError,
  type FoundHost,
  type SiteConflict,
  type SiteRecord,
} from '../../site/index.ts';
import { authoritiesIn } from '../backup/backup-keys.ts';
import { restoreConflicts } from '../backup/restore-conflicts.ts';
import { planFiles } from '../backup/restored-files.ts';
import { openRequest, type InstallRequest } from '../open-request.ts';
import { findHosts, layoutOf } from '../session.ts';
import { clusterOf } from '../site-sources.ts';
import { alreadyAdopted } from './already-adopted.ts';
import type { AdoptOptions, AdoptSource, Prepared } from './adoption.ts';
import { readAuthorities, readSecrets, type AuthorityFile } from './given-keys.ts';
import { withLostHosts } from './lost-hosts.ts';
import { clusterOfNewSeed, recordOfNewSeed, type ClusterOfNewSeed } from './new-seed.ts';
import { readBack, type ReadBack } from './read-back.ts';
import { siteOfHosts, unprovenAuthorities, type SiteOfHosts } from './site-of-hosts.ts';

type KeySource = Exclude<AdoptSource, { readonly backup: unknown }>;

const LAYOUT = seedLayout();
const WHAT = 'make this machine the seed';

/**
 * Prepares an adoption from the keys of the authorities and the lists that the hosts keep. Writes nothing, on no machine. Throws
 * INPUT_UNREADABLE and SECRET_EXPOSED for keys, what openRequest throws, HostsUnfitError for hosts that cannot be reached, and
 * SiteConflictError with every reason why this machine must not become the seed.
 */
export async function prepareFromHosts(options: AdoptOptions, source: KeySource): Promise<Prepared> {
  const { machines = REAL_MACHINES, forget = [], address, clock, signal, hostsAtOnce } = options;
  const layout = layoutOf(options);
  const present = await openFileStore(layout.record).read();
  if (present !== undefined) {
    // Only an adoption leaves a seed with a time; what it is worth, the hosts say when the run asks them.
    if (present.seedSince === undefined) throw isSeed(present, layout.record);
    return alreadyAdopted(present, options, clusterOf(present));
  }
  if (options.clusterPath === undefined) {
    throw new CaissonError('USAGE', 'Cannot find the hosts of the site without --cluster', {
      hint: 'Name its cluster.yaml; where that is lost, write one with the names, addresses and roles of its nodes',
    });
  }
  const { clusterPath } = options;
  const before = await readTextFile(clusterPath);
  const given = await readAuthorities(source.authorities);
  const secrets = await knownSecrets(source.secrets, layout.secrets);
  const cluster = clusterOfNewSeed(before, clusterPath, { forget, isOwn: machines.isOwnAddress ?? isOwnAddress, address });
  const bundlePaths = options.bundlePaths ?? (await bundleHere(layout.bundles, machines.seedRoot));
  const request = await openRequest(bundlePaths, clusterPath, {
    clusterText: cluster.text,
    stagedBundles: layout.bundles,
    trust: options.trust,
    clock,
    home: options.connect.home,
  });
  try {
    const connected = await connectHosts(
      cluster.spec,
      { ...options.connect, directory: dirname(clusterPath), signal, hostsAtOnce },
      machines,
    );
    try {
      if (connected.findings.length > 0) throw unreachable(connected);
      const hosts = new Map([...connected.hosts, [connected.seed.name, connected.seed]]);
      const found = await findHosts(hosts, options);
      const judged = siteOfHosts(found);
      if ('conflicts' in judged) throw new SiteConflictError(judged.conflicts, WHAT);
      const { site } = judged;
      const keys = authorityFiles(given, await authorityOnHosts(found, hosts, signal));
      const held = authoritiesIn(keys);
      const conflicts = unprovenAuthorities(
        judged.authorities,
        held,
        keys.map(({ path }) => posix.basename(path)),
        source.authorities,
      );
      const alive = await seedThatLives(site, connected, signal);
      if (conflicts.length + alive.length > 0) throw new SiteConflictError([...conflicts, ...alive], WHAT);
      const authorities = await issuingAuthorities(Object.keys(held), keys, source.authorities);
      const rebuilt = rebuildRecord(found, { authorities, held, rotations: {}, secrets: [...secrets.keys()] });
      if (rebuilt === undefined) throw new Error('the hosts are of one site, and no record came out');
      const lost = lostNodes(before, clusterPath, forget);
      const whole = withLostHosts(rebuilt, lost, request.manifests);
      const topology = request.topology(whole);
      const back = await readBack({ topology, found, hosts, known: new Set(secrets.keys()), signal });
      const own: SiteRecord = {
        ...recordOfNewSeed(whole, cluster, clock.now()),
        secrets: [...new Set([...secrets.keys(), ...back.secrets.keys()])].sort(),
        cluster: { path: clusterPath, digest: request.clusterDigest },
      };
      const texts = new Map([...secrets, ...[...back.secrets].map(([name, { text }]): [string, string] => [name, text])]);
      const files = siteFiles(keys, texts, back);
      const root = machines.seedRoot;
      const plans = await planFiles(files, { root, layout, record: own });
      const against = [
        ...foreignHosts(own, found),
        ...(await restoreConflicts(own, rebuilt, plans, { root, layout })),
        ...(source.newSecrets === true ? [] : lostSecrets(back, own, layout.secrets)),
      ];
      if (against.length > 0) throw new SiteConflictError(against, WHAT);
      return {
        adoption: {
          site: { id: site.id, name: site.name },
          before: site.seed,
          seed: own.seed,
          clusterPath,
          isClusterEdited: before !== cluster.text,
          files: plans,
          notes: notesOf({ site, back, cluster, found, record: own, request, lost }),
        },
        cluster: { before, after: cluster.text },
        staged: { record: own, files },
        bundlePaths,
      };
    } finally {
      await connected.close();
    }
  } finally {
    await closeBundles(request.bundles);
  }
}

/** The copy of the bundle in force that this machine keeps as a host of the site, with the bundles that it needs. */
async function bundleHere(bundles: string, root: string): Promise<readonly string[]> {
  const text = await ifPresent(() => readTextFile(posix.join(root, HOST_RECORD)));
  const owned = text === undefined ? [] : (parseHostRecord(text)?.owned ?? []);
  const copies = owned.filter(({ kind, details }) => kind === 'bundle' && details?.[IN_FORCE] !== undefined);
  const paths = copies.map(({ key }) => posix.join(bundles, posix.basename(key)));
  const present = await Promise.all(paths.map(isThere));
  if (paths.length > 0 && present.every(Boolean)) return paths;
  throw new CaissonError('USAGE', 'Cannot tell which bundle the site has: this machine keeps no copy of it', {
    hint: 'Add --bundle FILE, the bundle that is installed; or run this on a machine that keeps a copy (depot.copies)',
  });
}

function isSeed({ name, seed }: SiteRecord, path: string): SiteConflictError {
  const problem = `it is the record of site "${name}", whose seed is "${seed}", so nothing is to be rebuilt`;
  const remedy = `Run here: caisson install --offline. Where the record was copied to this machine, move it away: mv ${path} ${path}.before`;
  return new SiteConflictError([{ where: path, problem, remedy }], WHAT);
}

/** Secrets in a directory that was named, and those that are at their place already. */
async function knownSecrets(directory: string | undefined, place: string): Promise<ReadonlyMap<string, string>> {
  const store = openSecretStore(place);
  const present = await Promise.all(
    (await store.names()).map(async (name): Promise<[string, string]> => [name, (await store.peek(name)) ?? '']),
  );
  return new Map([...present, ...(directory === undefined ? [] : await readSecrets(directory))]);
}

function unreachable({ findings }: ConnectedHosts): HostsUnfitError {
  return new HostsUnfitError(
    findings.map((finding) =>
      finding.host === 'this machine'
        ? finding
        : { ...finding, remedy: `${finding.remedy}; where it is lost for good, add --forget ${finding.host}` },
    ),
  );
}

/** The certificate of the site's authority, from a host that keeps a record. */
async function authorityOnHosts(
  found: readonly FoundHost[],
  hosts: ConnectedHosts['hosts'],
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const { name, record } of found) {
    const host = hosts.get(name);
    const text = record === undefined || host === undefined ? undefined : await readRemoteFile(host, posix.join(PKI, 'ca.crt'), { signal });
    if (text !== undefined) return text;
  }
  return undefined;
}

/** A conflict when the seed of the site answers and still has its record: there is nothing to replace then. */
async function seedThatLives({ seed }: SiteOfHosts, { hosts }: ConnectedHosts, signal: AbortSignal): Promise<readonly SiteConflict[]> {
  const host = hosts.get(seed);
  if (host === undefined || host.local) return [];
  const { exitCode } = await host.run({ argv: ['test', '-e', LAYOUT.record] }, { signal });
  if (exitCode !== 0) return [];
  return [
    {
      where: seed,
      problem: `it is the seed of this site, it answers, and it has the record`,
      remedy: `Run there what you want to do. To have this machine take its place: caisson backup there, and here caisson adopt --backup FILE`,
    },
  ];
}

function lostNodes(text: string, file: string, forget: readonly string[]): readonly NodeSpec[] {
  return declaredNodes(text, file).flatMap(({ name = '', address = '', roles }) =>
    forget.includes(name) ? [{ name, address, roles: [...roles] }] : [],
  );
}

function siteFiles(keys: readonly BackupFile[], secrets: ReadonlyMap<string, string>, { pairs }: ReadBack): readonly BackupFile[] {
  return [
    ...[...secrets].map(([name, text]) => siteFile(posix.join(LAYOUT.secrets, name), text, '0600')),
    ...[...pairs].flatMap(([name, { text, open }]) => [
      siteFile(posix.join(LAYOUT.certificates, 'pairs', `${name}.key`), text, '0600'),
      siteFile(posix.join(LAYOUT.certificates, 'pairs', `${name}.pub`), open, '0600'),
    ]),
    ...keys,
  ];
}

/** The files of the authorities. The certificate that hosts have stands in for one that is missing beside the only key of the site. */
function authorityFiles(given: readonly AuthorityFile[], onHosts: string | undefined): readonly BackupFile[] {
  const isAlone = given.some(({ name }) => name === 'ca.key') && !given.some(({ name }) => name === 'ca.crt' || name === 'ca.json');
  const all = isAlone && onHosts !== undefined ? [...given, { name: 'ca.crt', text: onHosts }] : given;
  return all.map(({ name, text }) => siteFile(posix.join(LAYOUT.authorities, name), text, name.endsWith('.crt') ? '0644' : '0600'));
}

/** SHA-256 of the certificates that issue, by name of the authority: during a rotation there are two generations of one. */
async function issuingAuthorities(
  names: readonly string[],
  keys: readonly BackupFile[],
  place: string,
): Promise<Readonly<Record<string, string>>> {
  const fingerprints: Record<string, string> = {};
  for (const name of names) {
    const isDirectory = keys.some(({ path }) => path.endsWith('.json'));
    const { issuer } = isDirectory ? await readGenerations({ authorities: place }, name) : { issuer: 1 };
    const certificate = keys.find(({ path }) => path === posix.join(LAYOUT.authorities, `${generationFiles(name, issuer)}.crt`));
    if (certificate !== undefined) fingerprints[name] = new X509Certificate(certificate.content).fingerprint256;
  }
  return fingerprints;
}

function siteFile(path: string, text: string, mode: string): BackupFile {
  const content = Buffer.from(text);
  return { path, of: 'site', size: content.length, mode, owner: { user: 0, group: 0 }, digest: digestOf(content), content };
}

function lostSecrets({ lostSecrets: lost }: ReadBack, record: SiteRecord, place: string): readonly SiteConflict[] {
  return [...lost].map(([name, components]) => ({
    where: place,
    problem: `the secret "${name}" is lost: no file on a host has it, and ${components.join(', ')} ${components.length === 1 ? 'uses' : 'use'} it${dataOf(record, components)}`,
    remedy: `Write it into a file "${name}" (mode 0600) of a directory, and name that with --secrets; where it is lost for good, add --new-secrets, which makes another`,
  }));
}

/** Data that may be locked with a secret of these components. */
function dataOf({ hosts }: SiteRecord, components: readonly string[]): string {
  const places = Object.entries(hosts).flatMap(([host, { owned }]) =>
    owned.flatMap(({ owner, key, data }) => (data === true && components.includes(owner) ? [`${host}: ${key}`] : [])),
  );
  return places.length === 0 ? '' : `, with data that may be locked with it (${places.join(', ')})`;
}

interface Result {
  readonly site: SiteOfHosts;
  readonly back: ReadBack;
  readonly cluster: ClusterOfNewSeed;
  readonly found: readonly FoundHost[];
  readonly record: SiteRecord;
  readonly request: InstallRequest;
  readonly lost: readonly NodeSpec[];
}

function notesOf({ site, back, cluster, found, record, lost }: Result): readonly string[] {
  const isAsked = found.some(({ name, record: kept }) => name === site.seed && kept !== undefined);
  const fresh = found.filter(({ record: kept, name }) => kept === undefined && isNode(cluster.spec, name)).map(({ name }) => name);
  return [
    `Rebuilt from the lists of ${Object.keys(record.hosts).length - lost.length} hosts`,
    ...[...back.secrets].map(([name, { from }]) => `The secret "${name}" was read back from ${from}`),
    ...[...back.pairs].map(([name, { from }]) => `The key pair "${name}" was read back from ${from}`),
    ...[...back.lostSecrets].map(
      ([name, users]) => `Is made anew, because it is lost: the secret "${name}" of ${users.join(', ')}${dataOf(record, users)}`,
    ),
    ...[...back.lostPairs].map(([name, users]) => `Is made anew, because it is lost: the key pair "${name}" of ${users.join(', ')}`),
    'Are made anew: all certificates, by the same authorities, and the key of the package repositories',
    'Is not known any more: the bundle before, so there is no rollback; the history of runs; which actions ran, so their probes are asked; which nodes are cordoned',
    'Is believed: the networks and the fixed options in cluster.yaml. They must be those that the site was installed with',
    ...fresh.map((name) => `${name} keeps no record of the site, and is installed as a new node`),
    ...(isAsked || site.seed === record.seed ? [] : [`The former seed, ${site.seed}, is not asked and must not come back`]),
  ];
}

function isNode({ nodes }: ClusterSpec, name: string): boolean {
  return nodes.some((node) => node.name === name);
}
