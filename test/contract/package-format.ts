import { PackageURL } from 'packageurl-js';
import { beforeAll, describe, expect, it } from 'vitest';
import { CaissonError, digestOf, fixedClock, parsePlatform, type Digest, type Platform } from '../../src/core/index.ts';
import { unsafeReason } from '../../src/io/index.ts';
import {
  formatOfLocked,
  generateRepositoryKey,
  lockedSystemSchema,
  packageFormat,
  packageFormats,
  repositorySchema,
  UnsolvableError,
  type FetchFile,
  type LockedSystem,
  type PackageFormat,
  type PackageRepository,
  type PackageRequest,
  type PackageSet,
  type RepositoryKeyPair,
  type SystemPackages,
  type WrittenRepository,
} from '../../src/ospkg/index.ts';

export interface SamplePackage {
  readonly name: string;
  /** `each`: one package for each architecture of the sample. `all`: one package for all of them. */
  readonly architecture: 'each' | 'all';
  readonly needs?: readonly string[];
}

/** A signed repository of a distribution, in memory. */
export interface PublishedRepository {
  readonly system: SystemPackages;
  /** The keyring, by the name that `system` gives it. */
  readonly keyring: Uint8Array;
  /** Files by URL. Tests may change them. */
  readonly files: Map<string, Buffer>;
}

/** The functions and data that a format needs for the suite. */
export interface PackageFormatSample {
  readonly format: PackageFormat;
  /** Two platforms, each with the name that the format gives it. */
  readonly architectures: readonly [readonly [string, string], readonly [string, string]];
  /** Sorted from the oldest to the newest, without equal versions. */
  readonly versions: readonly string[];
  /** Publishes packages for both architectures, each in version 1.0, dated RELEASED. */
  publish(packages: readonly SamplePackage[]): Promise<PublishedRepository>;
  /** Keys besides that of a site with which packages of its repository are checked, where the format checks them one by one. */
  readonly packageKeys?: Uint8Array;
  /** Returns a manifest that reads the repository of a bundle from the URL at which a site serves it. */
  systemOf(repository: PackageRepository, url: string): SystemPackages;
}

export const RELEASED = new Date('2026-01-02T03:04:05Z');
const CLOCK = fixedClock(new Date('2026-01-03T00:00:00Z'));
const FACTS = { id: 'sample-1', label: 'demo', date: RELEASED };
const SITE = 'http://seed.example/repository';

const PACKAGES: readonly SamplePackage[] = [
  { name: 'app', architecture: 'each', needs: ['lib', 'data'] },
  { name: 'lib', architecture: 'each' },
  { name: 'data', architecture: 'all' },
  { name: 'tool', architecture: 'each', needs: ['data'] },
  { name: 'broken', architecture: 'each', needs: ['absent'] },
  { name: 'unasked', architecture: 'each' },
];
const SETS: readonly PackageSet[] = [
  { name: 'one', packages: ['app'] },
  { name: 'two', packages: ['tool'] },
];

/** Tests the contract of PackageFormat. */
export function describePackageFormat(name: string, makeSample: () => PackageFormatSample): void {
  const sample = makeSample();
  const { format, architectures } = sample;
  const words = architectures.map(([, word]) => word);

  async function requestFor(published: PublishedRepository, changes: Partial<PackageRequest> = {}): Promise<PackageRequest> {
    const source = await format.sourceOf(published.system, async () => published.keyring);
    return { id: FACTS.id, architecture: architectures[0][1], source, sets: SETS, ...changes };
  }

  async function resolve(
    published: PublishedRepository,
    changes: Partial<PackageRequest> = {},
    signal?: AbortSignal,
  ): Promise<LockedSystem> {
    const stop = signal === undefined ? {} : { signal };
    const loaded = await format.load(await requestFor(published, changes), { fetch: fetchFrom(published.files), clock: CLOCK, ...stop });
    return loaded.close(stop);
  }

  describe(`${name} as a package format`, () => {
    it('is found by its name, and by what it locks', async () => {
      expect(packageFormat(format.name)).toBe(format);
      expect(packageFormats()).toContain(format);
      expect(formatOfLocked(await resolve(await sample.publish(PACKAGES)))).toBe(format);
    });

    it('has a word for each architecture, and refuses one that it does not know', () => {
      expect(architectures.map(([platform]) => format.architectureOf(parsePlatform(platform)))).toEqual(words);
      const unknown: Platform = { os: 'linux', architecture: 'pdp11' };
      expect(() => format.architectureOf(unknown)).toThrow(expect.objectContaining({ code: 'PLATFORM_INVALID' }));
    });

    it('orders versions, each against each', () => {
      for (const [i, left] of sample.versions.entries())
        for (const [j, right] of sample.versions.entries()) expect(Math.sign(format.compareVersions(left, right))).toBe(Math.sign(i - j));
    });

    describe('resolving', () => {
      let published: PublishedRepository;
      let locked: LockedSystem;
      beforeAll(async () => {
        published = await sample.publish(PACKAGES);
        locked = await resolve(published);
      });

      it('locks what the sets need and nothing else, each with the sets that need it', () => {
        expect(locked).toMatchObject({ id: FACTS.id, architecture: words[0] });
        expect(Object.fromEntries(locked.packages.map((item) => [item.name, item.sets]))).toEqual({
          app: ['one'],
          lib: ['one'],
          data: ['one', 'two'],
          tool: ['two'],
        });
      });

      it('locks where each package is to be had, with the digest of its bytes', () => {
        for (const { repository, filename, size, digest } of locked.packages) {
          const bytes = published.files.get(`${repository}/${filename}`);
          expect({ size: bytes?.byteLength, digest: digestOf(bytes ?? '') }).toEqual({ size, digest });
        }
      });

      it('locks when the repository was published and the digest of what said so', () => {
        const digests = new Set<Digest>([...published.files.values()].map((bytes) => digestOf(bytes)));
        expect(locked.releases.map(({ date }) => date)).toEqual(['2026-01-02T03:04:05Z']);
        expect(locked.releases.every(({ digest }) => digests.has(digest))).toBe(true);
      });

      it('locks the digest of the request, which every part of the request changes', async () => {
        const request = await requestFor(published);
        expect(locked.inputs).toBe(format.digestOf(request));
        expect(format.digestOf(await requestFor(published))).toBe(locked.inputs);
        const others = [
          { ...request, id: 'sample-2' },
          { ...request, architecture: words[1] ?? '' },
          { ...request, sets: SETS.slice(1) },
          await requestFor({ ...published, keyring: Buffer.from((await siteKey()).publicKey) }),
        ];
        expect(new Set([...others.map((other) => format.digestOf(other)), locked.inputs]).size).toBe(others.length + 1);
      });

      it('explains every package that cannot be installed, not the first', async () => {
        const sets = [
          { name: 'bad', packages: ['broken', 'app'] },
          { name: 'worse', packages: ['nowhere'] },
        ];
        const error = await failureOf(resolve(published, { sets }));
        expect(error).toBeInstanceOf(UnsolvableError);
        if (!(error instanceof UnsolvableError)) return;
        expect(error.disqualifications.map((each) => [each.set, each.package])).toEqual([
          ['bad', 'broken'],
          ['worse', 'nowhere'],
        ]);
        expect(error.message).toContain('absent');
      });

      it('stops when it is told to', async () => {
        const reason = new Error('stop');
        expect(await failureOf(resolve(published, {}, AbortSignal.abort(reason)))).toBe(reason);
      });
    });

    describe('believing', () => {
      it('refuses a repository that another key signed', async () => {
        const published = await sample.publish(PACKAGES);
        const other = await generateRepositoryKey({ userId: 'Other', date: new Date('2025-01-01T00:00:00Z') });
        const error = await failureOf(resolve({ ...published, keyring: Buffer.from(other.publicKey) }));
        expect(error).toMatchObject({ code: 'REPOSITORY_UNTRUSTED' });
      });

      it('refuses metadata of which any byte was changed, whichever file it is in', async () => {
        const { files: original } = await sample.publish(PACKAGES);
        const asked = await filesAskedFor();
        expect(asked.size).toBeGreaterThan(0);
        for (const url of asked) {
          const published = await sample.publish(PACKAGES);
          const bytes = Buffer.from(original.get(url) ?? '');
          const middle = Math.floor(bytes.byteLength / 2);
          bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
          published.files.set(url, bytes);
          expect(await failureOf(resolve(published)), url).toBeInstanceOf(CaissonError);
        }
      });

      async function filesAskedFor(): Promise<ReadonlySet<string>> {
        const published = await sample.publish(PACKAGES);
        const asked = new Set<string>();
        const fetch: FetchFile = async (url, options) => {
          if (published.files.has(url)) asked.add(url);
          return fetchFrom(published.files)(url, options);
        };
        await (await format.load(await requestFor(published), { fetch, clock: CLOCK })).close();
        return asked;
      }
    });

    describe('its documents', () => {
      it('keep what they say in a lock, and have one order', async () => {
        const locked = format.lockInOrder(await resolve(await sample.publish(PACKAGES)));
        expect(lockedSystemSchema.parse(JSON.parse(JSON.stringify(locked)))).toEqual(locked);
        const shuffled = reversed(locked);
        expect(JSON.stringify(format.lockInOrder(shuffled))).toBe(JSON.stringify(locked));
      });

      it('keep what they say of a repository in bundle.json, and have one order', async () => {
        const { repository } = await writeBoth();
        const ordered = format.repositoryInOrder(repository);
        expect(ordered).toMatchObject({ id: FACTS.id, type: format.name });
        expect(repositorySchema.parse(JSON.parse(JSON.stringify(ordered)))).toEqual(ordered);
        const shuffled = { ...repository, packages: repository.packages.toReversed() };
        expect(JSON.stringify(format.repositoryInOrder(shuffled))).toBe(JSON.stringify(ordered));
      });

      it('describe a package by a package URL', async () => {
        const { packages } = await writeBoth();
        for (const { record } of packages) {
          const { type, namespace, name: own, version, qualifiers } = format.describe(record, 'debian-12').purl;
          const text = new PackageURL(type, namespace, own, version, qualifiers, undefined).toString();
          expect(PackageURL.fromString(text)).toMatchObject({ name: record.name, version: record.version });
        }
      });
    });

    describe('a repository in a bundle', () => {
      it('holds each package once, with the sets of both architectures', async () => {
        const { repository, packages } = await writeBoth();
        expect([...repository.architectures].sort()).toEqual([...words].sort());
        const names = repository.packages.map((item) => item.name).sort();
        expect(names).toEqual(['app', 'app', 'data', 'lib', 'lib', 'tool', 'tool']);
        expect(repository.packages.find((item) => item.name === 'data')?.set).toEqual(['one', 'two']);
        expect(packages.map(({ path }) => path).sort()).toEqual(repository.packages.map(({ path }) => path).sort());
      });

      it('has safe paths under its root, none twice', async () => {
        const { repository, metadata, packages } = await writeBoth();
        const paths = [...metadata.keys(), ...packages.map(({ path }) => path)];
        expect(new Set(paths).size).toBe(paths.length);
        expect(paths.filter((path) => unsafeReason(path) !== undefined || !path.startsWith(`${repository.path}/`))).toEqual([]);
      });

      it('has the same bytes whatever the order of the locks', async () => {
        const systems = await resolveBoth();
        const shuffled = systems.toReversed().map(reversed);
        expect([...format.write(shuffled, FACTS).metadata]).toEqual([...format.write(systems, FACTS).metadata]);
      });

      it('is signed with the key of a site: the same bytes each time, others by another key, no file replaced', async () => {
        const written = await writeBoth();
        const [key, other] = [await siteKey(), await siteKey()];
        const signed = await sign(written, key);
        expect(signed.size).toBeGreaterThan(0);
        expect([...(await sign(written, key))]).toEqual([...signed]);
        for (const [path, bytes] of await sign(written, other)) expect(Buffer.compare(bytes, signed.get(path) ?? bytes), path).not.toBe(0);
        for (const path of signed.keys()) expect(written.metadata.has(`${written.repository.path}/${path}`), path).toBe(false);
      });

      it('is read again, with the key of the site as its only trust, to the same packages', async () => {
        const written = await writeBoth();
        const key = await siteKey();
        const { path: root } = written.repository;
        const files = new Map([...written.metadata].map(([path, bytes]) => [`${SITE}${path.slice(root.length)}`, bytes]));
        for (const [path, bytes] of await sign(written, key)) files.set(`${SITE}/${path}`, Buffer.from(bytes));
        for (const { path, record } of written.packages) files.set(`${SITE}${path.slice(root.length)}`, await bytesOf(record));
        const keyring = Buffer.concat([Buffer.from(key.publicKey), sample.packageKeys ?? Buffer.alloc(0)]);
        const served = { system: sample.systemOf(written.repository, SITE), keyring, files };
        const [first] = await resolveBoth();
        const again = await resolve(served);
        expect(again.packages.map(factsOf)).toEqual(first?.packages.map(factsOf));
        // The format itself says the same of a source in a bundle.
        const request = await requestFor(await sample.publish(PACKAGES));
        const source = format.sourceIn(written.repository, request.source, { url: SITE, keyring: served.keyring });
        const loaded = await format.load({ ...request, source }, { fetch: fetchFrom(files), clock: CLOCK });
        expect((await loaded.close()).packages.map(factsOf)).toEqual(again.packages.map(factsOf));
        const paths = new Set(written.packages.map((item) => `${SITE}${item.path.slice(root.length)}`));
        expect(again.packages.filter(({ repository, filename }) => !paths.has(`${repository}/${filename}`))).toEqual([]);
      });

      it('tells a host how to use it, in lines for a shell', async () => {
        const lines = format.clientSetup((await writeBoth()).repository, { url: SITE, keyUrl: `${SITE}/key.asc` });
        expect(lines.filter((line) => line.includes('\n'))).toEqual([]);
        expect(lines.some((line) => line.includes(`${SITE}/key.asc`))).toBe(true);
        expect(lines.some((line) => line.includes(SITE) && !line.includes('key.asc'))).toBe(true);
      });

      it('names files of text by names alone', () => {
        expect(format.textFiles.filter((file) => file.includes('/'))).toEqual([]);
      });
    });

    async function resolveBoth(): Promise<readonly LockedSystem[]> {
      const published = await sample.publish(PACKAGES);
      return Promise.all(words.map((architecture) => resolve(published, { architecture })));
    }

    async function bytesOf({ repository, filename }: LockedSystem['packages'][number]): Promise<Buffer> {
      const { files } = await sample.publish(PACKAGES);
      return files.get(`${repository}/${filename}`) ?? Promise.reject(new Error(`no ${filename}`));
    }

    async function writeBoth(): Promise<WrittenRepository> {
      return format.write(await resolveBoth(), FACTS);
    }

    async function sign({ repository, metadata }: WrittenRepository, key: RepositoryKeyPair): Promise<ReadonlyMap<string, Uint8Array>> {
      const read = async (path: string): Promise<Buffer> => metadata.get(path) ?? Promise.reject(new Error(`no ${path}`));
      return format.sign(repository, { key, date: RELEASED, read });
    }
  });
}

async function siteKey(): Promise<RepositoryKeyPair> {
  return generateRepositoryKey({ userId: 'Site', date: new Date('2000-01-01T00:00:00Z') });
}

/** The same system with its lists in another order. */
function reversed<System extends LockedSystem>(system: System): System {
  return { ...system, packages: system.packages.toReversed(), releases: system.releases.toReversed() };
}

function factsOf({ name, version, architecture, digest, sets }: LockedSystem['packages'][number]): unknown {
  return { name, version, architecture, digest, sets };
}

function fetchFrom(files: ReadonlyMap<string, Buffer>): FetchFile {
  return async (url, { signal }) => {
    signal?.throwIfAborted();
    return files.get(url);
  };
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}
