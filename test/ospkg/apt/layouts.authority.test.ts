import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectUpstream, type Upstream } from '../../../src/builder/index.ts';
import { CaissonError, digestOf, systemClock, type Event } from '../../../src/core/index.ts';
import { addressOf, packageFormat, type PackageSet } from '../../../src/ospkg/index.ts';
import type { AptSource } from '../../../src/ospkg/apt/load-index.ts';
import { privateApt } from '../../support/private-apt.ts';
import { startTlsServer, testAuthority, type TestCertificate, type TlsServer } from '../../support/test-certificates.ts';
import { COMPRESSIONS, openWarehouse, PLACES, withSha512, type Layout, type Place, type Warehouse } from './layouts.ts';

const LOGIN = { name: 'ann', password: 'w0rd' };

/** One repository, or several, of which both are asked for packages. */
interface Case {
  readonly name: string;
  /** Layouts of repositories, with the paragraphs that each has. */
  readonly repositories?: readonly RepositoryCase[];
  readonly layout?: Layout;
  readonly ask?: readonly string[];
  readonly recommends?: boolean;
  readonly exclude?: readonly string[];
  /** /etc/apt/preferences of apt. */
  readonly preferences?: (addresses: readonly string[]) => string;
  readonly transport?: 'http' | 'file' | 'login' | 'wrong login' | 'https' | 'certificate' | 'no certificate';
  readonly aptOptions?: string;
  /** A path under the address. */
  readonly under?: string;
  /** True where both say no. */
  readonly refused?: boolean;
  /** Words of a warning of ours. */
  readonly warning?: RegExp;
  /** Why our answer is not apt's. */
  readonly ours?: { readonly accepts: boolean; readonly because: string };
}

interface RepositoryCase {
  readonly layout?: Layout;
  readonly has: (paragraph: string) => boolean;
  readonly prefer?: readonly string[];
}

const has =
  (...names: readonly string[]) =>
  (paragraph: string): boolean =>
    names.some((name) => paragraph.startsWith(`Package: ${name}\n`));
const version =
  (name: string, text: string) =>
  (paragraph: string): boolean =>
    paragraph.startsWith(`Package: ${name}\n`) && paragraph.includes(`\nVersion: ${text}\n`);
const named = (place: Place): string => (place === 'dists' ? 'deb URL stable main' : `deb URL ${place}`);
const everywhere = (make: (place: Place) => Case): readonly Case[] => PLACES.map(make);
const pin = (packages: string, what: string, priority: number): string => `Package: ${packages}\nPin: ${what}\nPin-Priority: ${priority}\n`;

const NEIGHBOURS: readonly (readonly [string, (text: string) => string])[] = [
  ['a capital in its name', (text) => text.replace('Package: neighbour', 'Package: Neighbour')],
  ['an underscore in its name', (text) => text.replace('Package: neighbour', 'Package: neigh_bour')],
  ['an underscore in its version', (text) => text.replace('Package: neighbour\nVersion: 1.0', 'Package: neighbour\nVersion: 1_0')],
  [
    'a field twice',
    (text) => text.replace('Package: neighbour', 'Package: neighbour\nSection: a\nSection: b\nPriority: extra\nPriority: extra'),
  ],
  ['an odd source', (text) => text.replace('Package: neighbour', 'Package: neighbour\nSource: (odd) one')],
  ['no size', (text) => text.replace(/(Package: neighbour\n(?:(?!Size:).+\n)*)Size: \d+\n/, '$1')],
  ['a name of a file that leaves the repository', (text) => text.replace(/Filename: (\S*neighbour)/, 'Filename: ../../$1')],
];

const KEPT: readonly Case[] = [
  ...PLACES.flatMap((place) =>
    COMPRESSIONS.map((compression): Case => ({ name: `${named(place)}, index as ${compression}`, layout: { place, compression } })),
  ),
  ...everywhere((place) => ({ name: `${named(place)}, Release lists SHA512 alone`, layout: { place, releaseHashes: ['SHA512'] } })),
  ...everywhere((place) => ({ name: `${named(place)}, Packages lists SHA512 alone`, layout: { place, packageHashes: ['SHA512'] } })),
  ...everywhere((place) => ({
    name: `${named(place)}, all four hashes`,
    layout: { place, releaseHashes: ['MD5Sum', 'SHA1', 'SHA256', 'SHA512'] },
  })),
  ...everywhere((place) => ({ name: `${named(place)}, Release and Release.gpg`, layout: { place, signature: 'Release.gpg' } })),
  ...everywhere((place) => ({ name: `${named(place)}, index by hash alone`, layout: { place, byHash: true } })),
  ...everywhere((place) => ({ name: `${named(place)}, Filename without ./`, layout: { place, filename: (file) => file } })),
  ...everywhere((place) => ({ name: `${named(place)}, Filename with ./ inside`, layout: { place, filename: (file) => `a/./b/${file}` } })),
  ...everywhere((place) => ({ name: `${named(place)}, Filename with %3a`, layout: { place }, ask: ['epoch'] })),
  ...everywhere((place) => ({ name: `${named(place)}, Filename with // inside`, layout: { place, filename: (file) => `pool//${file}` } })),
  ...everywhere((place) => ({
    name: `${named(place)}, Filename with blanks, + and ~`,
    layout: { place, filename: (file) => `a b/c+d~e/${file}` },
  })),
  ...everywhere((place) => ({
    name: `${named(place)}, Suite and Codename of another name`,
    layout: { place, release: { Suite: 'other', Codename: 'another' } },
    ...(place === 'dists' ? { warning: /asked for as "stable" and calls itself "other" and "another"/ } : {}),
  })),
  ...everywhere((place) => ({
    name: `${named(place)}, neither Suite nor Codename`,
    layout: { place, release: { Suite: undefined, Codename: undefined } },
    ...(place === 'dists' ? { warning: /calls itself nothing/ } : {}),
  })),
  ...everywhere((place) => ({
    name: `${named(place)}, no Date`,
    layout: { place, release: { Date: undefined } },
    warning: /no Date that can be read/,
  })),
  ...everywhere((place) => ({
    name: `${named(place)}, a Date in words of another zone`,
    layout: { place, release: { Date: 'Saturday, 31 January 2026 12:00:00 CET' } },
    warning: /no Date that can be read/,
  })),
  ...NEIGHBOURS.map(([what, packages]): Case => ({
    name: `a neighbour with ${what}`,
    layout: { packages },
    ...(/capital|underscore in its name/.test(what) ? {} : { warning: /package "neighbour".*is left out/ }),
  })),
  { name: 'line breaks of another system', layout: { packages: (text) => text.replaceAll('\n', '\r\n') } },
  { name: 'a key that vouches for itself with SHA-1', layout: { key: 'old' }, warning: /vouches for itself with SHA-1 alone/ },
  { name: 'packages for all architectures', ask: ['docs'] },
  { name: 'a version', ask: ['app=1.0'] },
  { name: 'a version with *', ask: ['tool=1.34.4-*'] },
  { name: 'a version with * that several have', ask: ['tool=1.34.*'] },
  { name: 'a version that something else needs, too', ask: ['helper', 'tool=1.34.4-1.1'] },
  { name: 'an excluded newer package', ask: ['app'], exclude: ['left'], preferences: () => pin('left', 'version *', -1) },
  { name: 'excluded by pattern', ask: ['app'], exclude: ['virtual-*'], preferences: () => pin('virtual-*', 'version *', -1) },
  { name: 'an excluded provider', ask: ['needs-virtual'], exclude: ['virtual-a'], preferences: () => pin('virtual-a', 'version *', -1) },
  {
    name: 'a repository that is preferred for a package',
    repositories: [
      { has: version('tool', '1.34.5-1.1') },
      { has: version('tool', '1.34.4-1.1'), layout: { release: { Label: 'Preferred' } }, prefer: ['tool'] },
    ],
    ask: ['tool'],
    preferences: () => pin('tool', 'release l=Preferred', 990),
  },
  {
    name: 'a repository that is preferred for another package',
    repositories: [
      { has: has('lib', 'tool') },
      {
        has: (text) => version('tool', '1.34.4-1.1')(text) || has('app')(text),
        layout: { release: { Label: 'Preferred' } },
        prefer: ['a*'],
      },
    ],
    ask: ['tool', 'app'],
    preferences: () => pin('a*', 'release l=Preferred', 990),
  },
  {
    name: 'a suite that is not automatic',
    repositories: [
      { has: version('tool', '1.33.9-1.1') },
      { has: version('tool', '1.34.5-1.1'), layout: { release: { NotAutomatic: 'yes' } } },
    ],
    ask: ['tool'],
  },
  {
    name: 'suites that are not automatic, one of which gives upgrades',
    repositories: [
      { has: version('tool', '1.34.5-1.1'), layout: { release: { NotAutomatic: 'yes' } } },
      { has: version('tool', '1.34.4-1.1'), layout: { release: { NotAutomatic: 'yes', ButAutomaticUpgrades: 'yes' } } },
    ],
    ask: ['tool'],
  },
  {
    name: 'backports that are preferred',
    repositories: [
      { has: version('tool', '1.33.9-1.1') },
      { has: version('tool', '1.34.5-1.1'), layout: { release: { NotAutomatic: 'yes', Label: 'Backports' } }, prefer: ['*'] },
    ],
    ask: ['tool'],
    preferences: () => pin('*', 'release l=Backports', 990),
  },
  { name: 'recommended packages', ask: ['wisher'], recommends: true },
  { name: 'recommended packages of which one conflicts', ask: ['wisher', 'right'], recommends: true },
  { name: 'no recommended packages', ask: ['wisher'] },
  ...(['file', 'login', 'https', 'certificate'] as const).flatMap((transport) =>
    (['dists', './'] as const).map((place): Case => ({ name: `${named(place)}, ${transport}`, layout: { place }, transport })),
  ),
  {
    name: 'a snapshot, expired since',
    under: 'snapshot/20260131T000000Z',
    layout: { release: { Date: 'Sat, 31 Jan 2026 00:00:00 UTC', 'Valid-Until': 'Sat, 07 Feb 2026 00:00:00 UTC' } },
    aptOptions: 'check-valid-until=no',
  },
];

const REFUSED: readonly Case[] = [
  ...everywhere((place) => ({ name: `${named(place)}, unsigned`, layout: { place, signature: 'none' } })),
  ...everywhere((place) => ({ name: `${named(place)}, signed by a stranger`, layout: { place, key: 'stranger' } })),
  ...everywhere((place) => ({ name: `${named(place)}, a changed index`, layout: { place, compression: 'plain', damage: true } })),
  ...everywhere((place) => ({ name: `${named(place)}, MD5 and SHA1 alone`, layout: { place, releaseHashes: ['MD5Sum', 'SHA1'] } })),
  { name: 'expired', layout: { release: { 'Valid-Until': 'Sat, 07 Feb 2026 00:00:00 UTC' } } },
  { name: 'a Valid-Until that is no date', layout: { release: { 'Valid-Until': 'some day' } } },
  { name: 'from the future', layout: { release: { Date: 'Sat, 31 Jan 2071 00:00:00 UTC' } } },
  { name: 'a package that is not there', ask: ['not-there'] },
  { name: 'a package whose needs are not there', ask: ['incomplete'] },
  { name: 'a version that is not there', ask: ['tool=1.35.*'] },
  { name: 'a version that something else cannot use', ask: ['helper', 'tool=1.33.9-1.1'] },
  { name: 'packages that conflict', ask: ['left', 'right'] },
  { name: 'an excluded package that is needed', ask: ['app'], exclude: ['lib'], preferences: () => pin('lib', 'version *', -1) },
  { name: 'a name that several packages provide', ask: ['virtual'] },
  { name: 'a wrong login', transport: 'wrong login' },
  { name: 'no client certificate', transport: 'no certificate' },
  { name: 'a package listed by MD5 alone', layout: { packageHashes: ['MD5sum'] } },
];

const CASES: readonly Case[] = [...KEPT, ...REFUSED.map((item) => ({ ...item, refused: true }))];

let warehouse: Warehouse;
let http: { readonly port: number; close(): Promise<void> };
let https: TlsServer;
let guarded: TlsServer;
let authority: TestCertificate;
let clientPem: string;
let run = 0;

/** A server of files as most are: escaped characters are read, and empty directory names are no matter. */
const serve: RequestListener = (request, response) => {
  const path = decodeURIComponent(request.url ?? '/').replaceAll(/\/+/g, '/');
  const expected = `Basic ${Buffer.from(`${LOGIN.name}:${LOGIN.password}`).toString('base64')}`;
  if (path.includes('/guarded') && request.headers.authorization !== expected) {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    return;
  }
  try {
    response.end(readFileSync(join(warehouse.directory, path)));
  } catch {
    response.writeHead(404).end();
  }
};

beforeAll(async () => {
  warehouse = openWarehouse();
  const server = createServer(serve);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  http = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
  writeFileSync(join(warehouse.directory, 'ring.gpg'), trustedKeys());
  const made = await testAuthority();
  authority = made;
  const certificate = await made.issue(['localhost']);
  https = await startTlsServer(certificate, serve);
  guarded = await startTlsServer({ ...certificate, requestCert: true, ca: made.cert }, serve);
  const client = await made.issue(['client']);
  clientPem = `${client.cert}\n${client.key}\n`;
  for (const [name, text] of [
    ['ca.pem', authority.cert],
    ['client.crt', client.cert],
    ['client.key', client.key],
    ['netrc', `machine http://127.0.0.1:${http.port} login ${LOGIN.name} password ${LOGIN.password}\n`],
    ['wrong-netrc', `machine http://127.0.0.1:${http.port} login ${LOGIN.name} password wrong\n`],
  ] as const) {
    writeFileSync(join(warehouse.directory, name), text, { mode: 0o600 });
  }
});

afterAll(async () => {
  await Promise.all([http.close(), https.close(), guarded.close()]);
  warehouse.remove();
});

interface Answer {
  readonly isYes: boolean;
  readonly packages: readonly string[];
  readonly said: string;
}

function baseOf(transport: Case['transport'], path: string): string {
  switch (transport) {
    case 'file':
      return `file://${warehouse.directory}/${path}`;
    case 'https':
      return `https://localhost:${https.port}/${path}`;
    case 'certificate':
    case 'no certificate':
      return `https://localhost:${guarded.port}/${path}`;
    default:
      return `http://127.0.0.1:${http.port}/${path}`;
  }
}

/** apt updates and downloads, from an empty system. */
async function askApt(item: Case, directory: string, urls: readonly string[]): Promise<Answer> {
  const { ask = ['app'], transport = 'http', aptOptions = '', recommends = false } = item;
  const ring = join(warehouse.directory, 'ring.gpg');
  const lines = repositoriesOf(item).map(({ layout = {} }, index) => {
    const { place = 'dists' } = layout;
    return `deb [arch=amd64 signed-by=${ring} ${aptOptions}] ${urls[index]} ${place === 'dists' ? 'stable main' : place}\n`;
  });
  const apt = privateApt(join(directory, 'apt'), lines.join(''));
  if (item.preferences !== undefined) writeFileSync(join(directory, 'apt/etc/apt/preferences'), item.preferences(urls));
  const settings = [
    ['APT::Install-Recommends', String(recommends)],
    ['Acquire::https::CaInfo', join(warehouse.directory, 'ca.pem')],
    ...(transport === 'certificate' ? [['Acquire::https::SslCert', join(warehouse.directory, 'client.crt')]] : []),
    ...(transport === 'certificate' ? [['Acquire::https::SslKey', join(warehouse.directory, 'client.key')]] : []),
    ...(transport === 'login' ? [['Dir::Etc::netrc', join(warehouse.directory, 'netrc')]] : []),
    ...(transport === 'wrong login' ? [['Dir::Etc::netrc', join(warehouse.directory, 'wrong-netrc')]] : []),
    ['Dir::Etc::netrcparts', '-'],
  ];
  const options = settings.flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const update = await apt.get(...options, 'update', '-o', 'APT::Update::Error-Mode=any');
  const isDownloading = transport !== 'file';
  const wanted = isDownloading ? ['--yes', '--download-only'] : ['--print-uris'];
  const install = update.status === 0 ? await apt.get(...options, '-qq', ...wanted, 'install', ...ask) : update;
  // Files of file: repositories are used where they are.
  const files = isDownloading
    ? readdirSync(join(directory, 'apt/cache/archives')).filter((file) => file.endsWith('.deb'))
    : [...install.stdout.matchAll(/^'[^']+' (\S+\.deb) /gm)].map(([, file = '']) => file);
  return {
    isYes: install.status === 0 && files.length > 0,
    packages: files.map((file) => file.split('_').slice(0, 2).map(decodeURIComponent).join(' ')).sort(),
    said: [update, install].map(({ stdout, stderr }) => `${stdout}${stderr}`).join('\n'),
  };
}

/** Our resolver, over the connections of a build, and the download of what it chose. */
async function askOurs(item: Case, urls: readonly string[]): Promise<Answer> {
  const { ask = ['app'], transport = 'http', recommends = false, exclude } = item;
  const events: Event[] = [];
  const env =
    transport === 'login' || transport === 'wrong login'
      ? { NETRC: join(warehouse.directory, transport === 'login' ? 'netrc' : 'wrong-netrc') }
      : {};
  const upstream = await connectUpstream({
    imageLists: ['images.txt'],
    mirrors: new Map(),
    env,
    ca: [authority.cert],
    ...(transport === 'certificate' ? { clientCertificates: new Map([[`localhost:${guarded.port}`, clientPem]]) } : {}),
    clock: systemClock,
    emit: (event) => events.push(event),
  });
  const sources = repositoriesOf(item).map(({ layout = {}, prefer }, index): AptSource => {
    const { place = 'dists' } = layout;
    const keyring = trustedKeys();
    const source = { url: urls[index] ?? '', suites: [place === 'dists' ? 'stable' : place], components: ['main'], keyring };
    return prefer === undefined ? source : { ...source, prefer };
  });
  const set: PackageSet = { name: 'asked', packages: ask, recommends };
  const source = {
    packages: 'apt',
    codename: 'stable',
    sources,
    ...(exclude === undefined ? {} : { exclude }),
    base: { priorities: [] },
  } as const;
  try {
    const loaded = await packageFormat('apt').load(
      { id: 'test', architecture: 'amd64', source, sets: [set] },
      { fetch: upstream.fetch, clock: systemClock, emit: upstream.emit },
    );
    const { packages } = await loaded.close();
    for (const record of packages) await requireFile(upstream, record);
    const said = events.flatMap((event) => (event.type === 'warning' ? [event.message] : [])).join('\n');
    return { isYes: true, packages: packages.map((record) => `${record.name} ${record.version}`).sort(), said };
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    return { isYes: false, packages: [], said: `${error.code} ${error.message}` };
  } finally {
    await upstream.close();
  }
}

async function requireFile(
  upstream: Upstream,
  record: { readonly repository: string; readonly filename: string; readonly size: number; readonly digest: string },
): Promise<void> {
  const url = addressOf(record);
  const chunks: Buffer[] = [];
  for await (const chunk of await upstream.openUrl(url, { size: record.size, offset: 0 })) chunks.push(Buffer.from(chunk as Uint8Array));
  expect(digestOf(Buffer.concat(chunks)), url).toBe(record.digest);
}

function trustedKeys(): Buffer {
  return Buffer.concat(Object.entries(warehouse.keys).flatMap(([name, { bytes }]) => (name === 'stranger' ? [] : [bytes])));
}

function repositoriesOf({ repositories, layout = {} }: Case): readonly RepositoryCase[] {
  return repositories ?? [{ layout, has: () => true }];
}

describe.concurrent('apt and Caisson give the same answer to', () => {
  it.each(CASES.map((item) => [item.name, item] as const))('%s', async (_, item) => {
    const own = `${item.transport?.endsWith('login') === true ? 'guarded' : 'open'}-${run++}`;
    const paths = repositoriesOf(item).map((_repository, index) => `${own}/r${index}${item.under === undefined ? '' : `/${item.under}`}`);
    for (const [index, { layout = {}, has: chosen }] of repositoriesOf(item).entries()) {
      const filled = layout.packageHashes?.includes('SHA512') === true ? { ...layout, packages: withSha512(warehouse.debs) } : layout;
      warehouse.build(join(warehouse.directory, paths[index] ?? ''), filled, chosen);
    }
    const urls = paths.map((path) => baseOf(item.transport, path));
    const [theirs, ours] = [await askApt(item, join(warehouse.directory, own), urls), await askOurs(item, urls)];
    const told = `apt said:\n${theirs.said}\nCaisson said:\n${ours.said}`;
    expect(ours.isYes, told).toBe(item.refused !== true);
    expect(theirs.isYes, told).toBe(item.refused !== true);
    expect(ours.packages, told).toEqual(theirs.packages.length > 0 && item.refused !== true ? theirs.packages : []);
    if (item.warning === undefined) expect(ours.isYes ? ours.said : '', told).toBe('');
    else expect(ours.said).toMatch(item.warning);
  });
});

it('asks both about more than ninety layouts', () => {
  expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
  expect(CASES.length).toBeGreaterThan(90);
});
