import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { CaissonError, digestOf, fixedClock, type Event, type Platform } from '../../src/core/index.ts';
import { signRelease } from '../../src/ospkg/apt/sign-repo.ts';
import { aptPoolPath, writeAptRepository } from '../../src/ospkg/apt/write-repo.ts';
import { generateRepositoryKey } from '../../src/ospkg/index.ts';
import type { BuildRequest } from '../../src/builder/build-bundle.ts';
import type { Upstream } from '../../src/builder/upstream.ts';
import { FakeSource, lockedPackage, type FakeImage } from './fixtures.ts';

const REPOSITORY = 'http://packages.example/debian';
const RELEASED = new Date('2026-01-02T03:04:05Z');
const key = await generateRepositoryKey({ userId: 'Test archive', date: new Date('2025-01-01T00:00:00Z') });

/** A directory with everything that a user writes, and a world in memory to build from. Removed by `remove`. */
export interface Workshop {
  readonly directory: string;
  readonly images: FakeSource;
  /** Every URL that was asked for. */
  readonly fetched: string[];
  /** Every URL whose digest or size was asked for. */
  readonly measured: string[];
  readonly events: Event[];
  readonly upstream: Upstream;
  /** The files of the repository by URL. */
  readonly files: Map<string, Buffer>;
  readonly request: (changes?: Partial<BuildRequest>) => BuildRequest;
  readonly write: (path: string, content: string | Uint8Array) => Promise<void>;
  readonly remove: () => Promise<void>;
}

export interface WorkshopOptions {
  readonly images: Readonly<Record<string, FakeImage>>;
  /** Name → content of packages in the repository. */
  readonly packages?: Readonly<Record<string, string>>;
  /** What the package set asks for; all packages by default. */
  readonly asked?: readonly string[];
}

export async function openWorkshop({ images, packages = { hello: 'the hello package' }, asked }: WorkshopOptions): Promise<Workshop> {
  const directory = await mkdtemp(join(tmpdir(), 'caisson-build-'));
  const write = async (path: string, content: string | Uint8Array): Promise<void> => {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  };
  await write(
    'images.txt',
    Object.keys(images)
      .map((name) => `${name}\n`)
      .join(''),
  );
  await write('caisson-linux-amd64', 'executable for amd64');
  await write('caisson-linux-arm64', 'executable for arm64');
  await write('manifests/platform.yaml', platformYaml);
  await write('manifests/roles/node.yaml', roleYaml);
  await write('manifests/os/debian-12.yaml', operatingSystemYaml(asked ?? Object.keys(packages)));
  await write('manifests/os/keys/archive.asc', key.publicKey);

  const source = new FakeSource(images);
  const files = await packageFiles(packages);
  const fetched: string[] = [];
  const measured: string[] = [];
  const events: Event[] = [];
  const upstream: Upstream = {
    images: source,
    fetch: (url) => {
      fetched.push(url);
      return Promise.resolve(files.get(url));
    },
    openUrl: (url) => {
      fetched.push(url);
      const content = files.get(url);
      if (content === undefined) return Promise.reject(new CaissonError('FETCH_FAILED', `Cannot fetch "${url}": the server answered 404`));
      return Promise.resolve(Readable.from([content], { objectMode: false }));
    },
    measure: (url, { digest } = {}) => {
      measured.push(url);
      const content = files.get(url);
      if (content === undefined) return Promise.reject(new CaissonError('FETCH_FAILED', `Cannot fetch "${url}": the server answered 404`));
      return Promise.resolve({ digest: digest ?? digestOf(content), size: content.byteLength });
    },
    addressOf: (url) => url,
    clock: fixedClock(new Date('2026-01-03T00:00:00Z')),
    emit: (event) => events.push(event),
  };
  return {
    directory,
    images: source,
    fetched,
    measured,
    events,
    upstream,
    files,
    request: (changes = {}) => ({ ...requestFor(directory, [{ os: 'linux', architecture: 'amd64' }]), ...changes }),
    write,
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

function requestFor(directory: string, platforms: readonly Platform[]): BuildRequest {
  return {
    manifests: join(directory, 'manifests'),
    images: [join(directory, 'images.txt')],
    platforms,
    output: join(directory, 'out/demo.tar'),
    lock: join(directory, 'bundle.lock.json'),
    frozen: false,
    update: false,
    planOnly: false,
    bases: [],
    signers: [],
    executables: [],
    jobs: 4,
    self: { path: join(directory, 'main.js'), standalone: false },
  };
}

/** A signed repository for amd64 and arm64 as a distribution has it, by URL. `also` has further versions of its packages, by name. */
export async function packageFiles(
  packages: Readonly<Record<string, string>>,
  { also = {} }: { readonly also?: Readonly<Record<string, string>> } = {},
): Promise<Map<string, Buffer>> {
  const all = Object.entries(packages).map(([name, content]) => [name, content, '1.0'] as const);
  const further = Object.entries(also).map(([name, version]) => [name, `${name} ${version}`, version] as const);
  const records = [...all, ...further].flatMap(([name, content, version]) => [
    { content, record: lockedPackage(name, content, 'amd64', version) },
    { content: `${content} for arm64`, record: lockedPackage(name, `${content} for arm64`, 'arm64', version) },
  ]);
  const metadata = writeAptRepository({
    codename: 'bookworm',
    architectures: ['amd64', 'arm64'],
    origin: 'Test',
    label: 'Test',
    date: RELEASED,
    packages: records.map(({ record }) => ({ record, path: aptPoolPath(record) })),
  });
  const files = new Map<string, Buffer>();
  for (const [path, content] of metadata) files.set(`${REPOSITORY}/${path}`, content);
  for (const { content, record } of records) files.set(`${REPOSITORY}/${aptPoolPath(record)}`, Buffer.from(content));
  const release = metadata.get('dists/bookworm/Release')?.toString() ?? '';
  const { inRelease } = await signRelease(release, key.privateKey, RELEASED);
  files.set(`${REPOSITORY}/dists/bookworm/InRelease`, Buffer.from(inRelease));
  return files;
}

const platformYaml = `apiVersion: caisson/v1
kind: Platform
name: demo
version: "1.0"
definitionsDirectory: /opt/demo/conf
otherImages: ["*"]
`;

const roleYaml = `apiVersion: caisson/v1
kind: Role
name: node
summary: Every host
components: []
packageSets: [tools]
`;

function operatingSystemYaml(packages: readonly string[]): string {
  return `apiVersion: caisson/v1
kind: OperatingSystem
id: debian
version: "12"
packages: apt
codename: bookworm
repositories:
  - { url: "${REPOSITORY}", suites: [bookworm], components: [main], signedBy: keys/archive.asc }
base: { priorities: [required] }
packageSets:
  - { name: tools, packages: [${packages.join(', ')}] }
`;
}
