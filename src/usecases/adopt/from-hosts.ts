import { dirname, posix } from 'node:path';
import { closeBundles } from '../../bundle/index.ts';
import { declaredNodes, type NodeSpec } from '../../cluster/index.ts';
import { CaissonError } from '../../core/index.ts';
import { readRemoteFile } from '../../host/index.ts';
import { isOwnAddress } from '../../ssh/index.ts';
import { ifPresent, isThere, readTextFile } from '../../io/index.ts';
import { connectHosts, HostsUnfitError, type ConnectedHosts } from '../../preflight/index.ts';
import { IN_FORCE } from '../../resources/index.ts';
import {
  foreignHosts,
  HOST_RECORD,
  openFileStore,
  openSecretStore,
  parseHostRecord,
  PKI,
  REAL_MACHINES,
  rebuildRecord,
  seedLayout,
  SiteConflictError,
  type FoundHost,
  type SiteConflict,
  type SiteRecord,
} from '../../site/index.ts';
import { authoritiesIn } from '../backup/backup-keys.ts';
import { readPresentRecord, restoreConflicts } from '../backup/restore-conflicts.ts';
import { planFiles } from '../backup/restored-files.ts';
import { acceptBundle } from '../acceptance.ts';
import { openRequest, type InstallRequest } from '../open-request.ts';
import { findHosts, layoutOf } from '../session.ts';
import { clusterOf, unfinishedBundle } from '../site-sources.ts';
import { lostSecrets, notesOf } from './adoption-notes.ts';
import { alreadyAdopted } from './already-adopted.ts';
import { saidForAdoption, type AdoptOptions, type AdoptSource, type Prepared } from './adoption.ts';
import { readAuthorities, readSecrets, type AuthorityFile } from './given-keys.ts';
import { withLostHosts } from './lost-hosts.ts';
import { clusterOfNewSeed, recordOfNewSeed, type ClusterOfNewSeed } from './new-seed.ts';
import { readBack } from './read-back.ts';
import { authorityFiles, issuingAuthorities, siteFiles } from './rebuilt-files.ts';
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
    // An adoption that was killed before its run began has no bundle in the record yet.
    const isBegun = present.bundle !== undefined || unfinishedBundle(present) !== undefined;
    const bundlePaths = options.bundlePaths ?? (isBegun ? undefined : await bundleHere(layout.bundles, machines.seedRoot));
    return alreadyAdopted(present, { ...options, bundlePaths }, clusterOf(present));
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
    accept: acceptBundle(saidForAdoption(options), undefined),
    clock,
    home: options.connect.home,
  });
  try {
    const login = { ...options.connect, directory: dirname(clusterPath), signal, hostsAtOnce };
    const connected = await connectHosts(cluster.spec, login, machines);
    try {
      if (connected.findings.length > 0) throw unreachable(connected);
      return await rebuild({ before, clusterPath, given, secrets, cluster, bundlePaths, request, connected }, options, source);
    } finally {
      await connected.close();
    }
  } finally {
    await closeBundles(request.bundles);
  }
}

/** Inputs of an adoption. */
interface Parts {
  /** cluster.yaml as it is. */
  readonly before: string;
  readonly clusterPath: string;
  readonly given: readonly AuthorityFile[];
  readonly secrets: ReadonlyMap<string, string>;
  readonly cluster: ClusterOfNewSeed;
  readonly bundlePaths: readonly string[];
  readonly request: InstallRequest;
  readonly connected: ConnectedHosts;
}

/** Rebuilds the record and the files of the seed from the keys and the hosts. Throws SiteConflictError as prepareFromHosts does. */
async function rebuild(parts: Parts, options: AdoptOptions, source: KeySource): Promise<Prepared> {
  const { before, clusterPath, given, secrets, cluster, bundlePaths, request, connected } = parts;
  const { machines = REAL_MACHINES, forget = [], clock, signal } = options;
  const layout = layoutOf(options);
  const hosts = new Map([...connected.hosts, [connected.seed.name, connected.seed]]);
  const found = await findHosts(hosts, options);
  const judged = siteOfHosts(found);
  if ('conflicts' in judged) throw new SiteConflictError(judged.conflicts, WHAT);
  const { site } = judged;
  const keys = authorityFiles(given, await authorityOnHosts(found, hosts, signal));
  const held = authoritiesIn(keys);
  const names = keys.map(({ path }) => posix.basename(path));
  const conflicts = unprovenAuthorities(judged.authorities, held, names, source.authorities);
  const alive = await seedThatLives(site, connected, signal);
  if (conflicts.length + alive.length > 0) throw new SiteConflictError([...conflicts, ...alive], WHAT);
  const authorities = await issuingAuthorities(Object.keys(held), keys, source.authorities);
  const rebuilt = rebuildRecord(found, { authorities, held, rotations: {}, secrets: [...secrets.keys()] });
  if (rebuilt === undefined) throw new Error('the hosts are of one site, and no record came out');
  const lost = lostNodes(before, clusterPath, forget);
  const whole = withLostHosts(rebuilt, lost, request.manifests);
  const back = await readBack({ topology: request.topology(whole), found, hosts, known: new Set(secrets.keys()), signal });
  const own: SiteRecord = {
    ...recordOfNewSeed(whole, cluster, clock.now()),
    secrets: [...new Set([...secrets.keys(), ...back.secrets.keys()])].sort(),
    cluster: { path: clusterPath, digest: request.clusterDigest },
  };
  const texts = new Map([...secrets, ...[...back.secrets].map(([name, { text }]): [string, string] => [name, text])]);
  const files = siteFiles(keys, texts, back);
  const places = { root: machines.seedRoot, layout };
  const plans = await planFiles(files, { ...places, record: own });
  const against = [
    ...foreignHosts(own, found),
    ...(await restoreConflicts({ record: own, before: rebuilt, present: await readPresentRecord(layout) }, plans, places)),
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
      notes: notesOf({ site, back, cluster, found, record: own, lost }),
    },
    cluster: { before, after: cluster.text },
    staged: { record: own, files },
    bundlePaths,
  };
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
