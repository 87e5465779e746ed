import { gzipSync } from 'node:zlib';
import { type Clock, type Emit, digestOf, fixedClock, hexOf } from '../../src/core/index.ts';
import { type AptIndex, type AptSource, loadAptIndex } from '../../src/ospkg/apt/load-index.ts';
import { signRelease } from '../../src/ospkg/apt/sign-repo.ts';
import { type FetchFile, generateRepositoryKey } from '../../src/ospkg/index.ts';
import { PackageTable } from '../../src/ospkg/apt/package-table.ts';

/** Fields of a paragraph; what is left out gets a plain value. */
export interface StanzaFields {
  readonly Package: string;
  readonly [field: string]: string;
}

export function stanza(fields: StanzaFields): string {
  const { Package, Version = '1.0', Architecture = 'amd64', ...others } = fields;
  const all = {
    Package,
    Version,
    Architecture,
    Priority: 'optional',
    Filename: `pool/${Package}_${Version.replace(/^\d+:/, '')}_${Architecture}.deb`,
    Size: '100',
    SHA256: hexOf(digestOf(`${Package} ${Version}`)),
    ...others,
  };
  return Object.entries(all)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n');
}

/**
 * An index written as control files abbreviate it: one package a line, fields after semicolons.
 * `app 2.0; Depends: lib (>= 1)`.
 */
export function indexOf(text: string): AptIndex {
  return { architecture: 'amd64', records: tableOf({ text }), releases: [] };
}

export interface TestSuite {
  readonly text: string;
  readonly automatic?: boolean;
  readonly upgrades?: boolean;
  readonly prefer?: readonly string[];
}

/** Packages of several suites, written so, the first suite first. */
export function tableOf(...suites: readonly TestSuite[]): PackageTable {
  const table = new PackageTable();
  for (const { text, automatic = true, upgrades = false, prefer = [] } of suites) {
    const bytes = Buffer.from(stanzasOf(text).join('\n\n'));
    let offset = 0;
    const reopen = async function* () {
      yield bytes;
    };
    const repository = 'http://test.invalid/debian';
    const origin = { repository, suite: 'stable', architecture: 'amd64', automatic, upgrades, prefer, what: 'test index', reopen };
    for (const characters of bytes.toString('latin1').split('\n\n')) {
      if (characters !== '') table.add({ characters, offset, line: 1 }, origin);
      offset += characters.length + 2;
    }
  }
  return table;
}

export function stanzasOf(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const [head = '', ...fields] = line.split(';').map((part) => part.trim());
      const [name = '', version = '1.0'] = head.split(' ');
      const pairs = fields.map((field) => [field.slice(0, field.indexOf(':')), field.slice(field.indexOf(':') + 1).trim()]);
      return stanza({ Package: name, Version: version, ...Object.fromEntries(pairs) });
    });
}

/** The moment at which fake repositories are made and read. */
export const NOW = new Date('2026-11-20T12:00:00Z');

/** A signed repository in memory, whose files tests may then change. */
export interface FakeRepository {
  readonly source: AptSource;
  readonly files: Map<string, Buffer>;
  /** Addresses that were asked for, in order. */
  readonly asked: string[];
  readonly fetch: FetchFile;
  /** Said while it was loaded. */
  readonly warnings: string[];
  /** Signs a Release text anew with the repository's own key. */
  sign(release: string, date?: Date): Promise<void>;
  load(clock?: Clock): Promise<AptIndex>;
}

const URL_ROOT = 'http://test.invalid/debian';

export interface FakeRepositoryOptions {
  readonly suite?: string;
  readonly stanzas: readonly string[];
  /** Lines put into the Release besides the usual ones. */
  readonly fields?: readonly string[];
  readonly date?: Date;
}

const keyPair = generateRepositoryKey({ userId: 'Test repository', date: new Date('2026-01-01T00:00:00Z') });

export async function fakeRepository(options: FakeRepositoryOptions): Promise<FakeRepository> {
  const { suite = 'stable', stanzas, fields = [], date = NOW } = options;
  const keys = await keyPair;
  const root = `${URL_ROOT}/dists/${suite}`;
  const packages = Buffer.from(stanzas.map((paragraph) => `${paragraph}\n\n`).join(''));
  const zipped = gzipSync(packages);
  const files = new Map([
    [`${root}/main/binary-amd64/Packages`, packages],
    [`${root}/main/binary-amd64/Packages.gz`, zipped],
  ]);
  const asked: string[] = [];
  const warnings: string[] = [];
  const emit: Emit = (event) => {
    if (event.type === 'warning') warnings.push(event.message);
  };
  const fetch: FetchFile = async (url, { limit, signal }) => {
    signal?.throwIfAborted();
    asked.push(url.slice(URL_ROOT.length + 1));
    const content = files.get(url);
    if (content !== undefined && content.byteLength > limit) throw new Error(`"${url}" is larger than ${limit}`);
    return await Promise.resolve(content);
  };
  const sign = async (release: string, when = date): Promise<void> => {
    const { inRelease } = await signRelease(release, keys.privateKey, when);
    files.set(`${root}/InRelease`, Buffer.from(inRelease));
  };
  await sign(
    [
      'Origin: Test',
      `Suite: ${suite}`,
      `Codename: ${suite}`,
      `Date: ${date.toUTCString().replace('GMT', 'UTC')}`,
      'Architectures: amd64',
      'Components: main',
      ...fields,
      'SHA256:',
      listed('main/binary-amd64/Packages', packages),
      listed('main/binary-amd64/Packages.gz', zipped),
      '',
    ].join('\n'),
  );
  const source = { url: `${URL_ROOT}/`, suites: [suite], components: ['main'], keyring: Buffer.from(keys.publicKey) };
  return {
    source,
    files,
    asked,
    fetch,
    warnings,
    sign,
    load: async (clock = fixedClock(NOW)) => await loadAptIndex([source], { architecture: 'amd64', fetch, clock, emit }),
  };
}

/** A line of the SHA256 section. */
export function listed(path: string, content: Uint8Array): string {
  return ` ${hexOf(digestOf(content))} ${content.byteLength} ${path}`;
}
