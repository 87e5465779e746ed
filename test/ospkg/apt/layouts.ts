import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Where the Packages file of a layout is: below dists, or a directory as in `deb URL ./`. */
export type Place = 'dists' | './' | '/' | 'sub/';
export const PLACES: readonly Place[] = ['dists', './', '/', 'sub/'];

export const COMPRESSIONS = ['plain', 'gz', 'xz', 'zst', 'bz2', 'lzma', 'lz4'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

const PACK: Readonly<Record<Exclude<Compression, 'plain'>, readonly string[]>> = {
  gz: ['gzip', '-nc'],
  xz: ['xz', '-c'],
  zst: ['zstd', '-qc'],
  bz2: ['bzip2', '-c'],
  lzma: ['xz', '--format=lzma', '-c'],
  lz4: ['lz4', '-qc'],
};

/** How the files of one layout differ from the usual. */
export interface Layout {
  readonly place?: Place;
  readonly compression?: Compression;
  /** Hash sections of the Release file, and fields of the Packages file; both SHA256 by default. */
  readonly releaseHashes?: readonly ('MD5Sum' | 'SHA1' | 'SHA256' | 'SHA512')[];
  readonly packageHashes?: readonly ('MD5sum' | 'SHA1' | 'SHA256' | 'SHA512')[];
  readonly signature?: 'InRelease' | 'Release.gpg' | 'none';
  readonly key?: string;
  readonly byHash?: boolean;
  /** Path of a package's file, given its name. */
  readonly filename?: (file: string) => string;
  /** Changes the fields of the Release file; undefined takes one out. */
  readonly release?: Readonly<Record<string, string | undefined>>;
  readonly packages?: (text: string) => string;
  /** After the Release was signed: changes the index that is served. */
  readonly damage?: boolean;
}

/** Packages as dpkg-deb makes them, and their index as dpkg-scanpackages writes it. */
export interface Warehouse {
  readonly directory: string;
  /** By name of the file. */
  readonly debs: ReadonlyMap<string, Buffer>;
  readonly sign: (release: string, options: { readonly key: string; readonly detached: boolean }) => string;
  /** Name of a key → its public key in a file, and in bytes. */
  readonly keys: Readonly<Record<string, { readonly file: string; readonly bytes: Buffer }>>;
  readonly build: (root: string, layout: Layout, chosen?: (paragraph: string) => boolean) => void;
  readonly remove: () => void;
}

const SOURCES: readonly (readonly [string, string, Readonly<Record<string, string>>?])[] = [
  ['lib', '1.0'],
  ['app', '1.0', { Depends: 'lib (>= 1.0)' }],
  ['app', '1.1', { Depends: 'lib (>= 1.0)' }],
  ['epoch', '2:1.0-1'],
  ['docs', '1.0', { Architecture: 'all' }],
  ['tool', '1.33.9-1.1'],
  ['tool', '1.34.4-1.1'],
  ['tool', '1.34.5-1.1'],
  ['helper', '1.0', { Depends: 'tool (>= 1.34)' }],
  ['wisher', '1.0', { Recommends: 'docs, not-there, left' }],
  ['left', '1.0', { Conflicts: 'right' }],
  ['right', '1.0'],
  ['needs-virtual', '1.0', { Depends: 'virtual' }],
  ['virtual-a', '1.0', { Provides: 'virtual' }],
  ['virtual-b', '1.0', { Provides: 'virtual' }],
  ['neighbour', '1.0'],
  ['incomplete', '1.0', { Depends: 'not-there (>= 2)' }],
];

export function openWarehouse(): Warehouse {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-layouts-'));
  const pool = join(directory, 'pool');
  mkdirSync(pool);
  for (const [name, version, fields = {}] of SOURCES) makeDeb(directory, pool, { name, version, fields });
  const scanned = execFileSync('dpkg-scanpackages', ['--multiversion', '.'], { cwd: pool, stdio: ['ignore', 'pipe', 'ignore'] }).toString();
  const paragraphs = scanned.trim().split('\n\n');
  const debs = new Map(readdirSync(pool).map((file) => [file, readFileSync(join(pool, file))]));
  const home = join(directory, 'gpg');
  mkdirSync(home, { mode: 0o700 });
  const gpg = (args: readonly string[], input = ''): Buffer =>
    execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', '--pinentry-mode', 'loopback', '--passphrase', '', ...args], {
      input,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  const keys = Object.fromEntries(
    (
      [
        ['good', 'ed25519', 'SHA256'],
        ['stranger', 'ed25519', 'SHA256'],
        ['old', 'rsa2048', 'SHA1'],
      ] as const
    ).map(([name, algorithm, hash]) => {
      gpg(['--cert-digest-algo', hash, '--allow-weak-key-signatures', '--quick-gen-key', name, algorithm, 'sign', 'never']);
      const bytes = gpg(['--export', name]);
      const file = join(directory, `${name}.gpg`);
      writeFileSync(file, bytes);
      return [name, { file, bytes }];
    }),
  );
  const sign: Warehouse['sign'] = (release, { key, detached }) =>
    gpg(['--local-user', key, '--digest-algo', 'SHA512', '--armor', detached ? '--detach-sign' : '--clear-sign'], release).toString();
  return {
    directory,
    debs,
    keys,
    sign,
    build: (root, layout, chosen = () => true) => build(root, layout, { paragraphs: paragraphs.filter(chosen), debs, sign }),
    remove: () => {
      execFileSync('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function makeDeb(
  directory: string,
  pool: string,
  { name, version, fields }: { readonly name: string; readonly version: string; readonly fields: Readonly<Record<string, string>> },
): void {
  const tree = join(directory, 'tree');
  const { Architecture = 'amd64', ...others } = fields;
  const control = { Package: name, Version: version, Architecture, Maintainer: 'Test <test@example.com>', Description: 'Test', ...others };
  mkdirSync(join(tree, 'DEBIAN'), { recursive: true });
  const lines = Object.entries(control).map(([field, value]) => `${field}: ${value}\n`);
  writeFileSync(join(tree, 'DEBIAN/control'), lines.join(''));
  const file = `${name}_${version.replace(':', '%3a')}_${Architecture}.deb`;
  execFileSync('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, join(pool, file)], { stdio: 'ignore' });
}

interface Stock {
  readonly paragraphs: readonly string[];
  readonly debs: ReadonlyMap<string, Buffer>;
  readonly sign: Warehouse['sign'];
}

function build(root: string, layout: Layout, { paragraphs, debs, sign }: Stock): void {
  const { place = 'dists', compression = 'gz', signature = 'InRelease', key = 'good' } = layout;
  const put = (path: string, content: string | Buffer): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  const filename = layout.filename ?? ((file: string) => (place === 'dists' ? `pool/${file}` : `./${file}`));
  for (const [file, content] of debs) put(filename(file), content);

  const directory = place === 'dists' ? 'dists/stable' : place;
  const index = place === 'dists' ? 'main/binary-amd64/Packages' : 'Packages';
  const text = paragraphs.map((paragraph) => `${rewrite(paragraph, filename, layout.packageHashes ?? ['SHA256'])}\n\n`).join('');
  const plain = Buffer.from(layout.packages?.(text) ?? text);
  const packed = compression === 'plain' ? plain : pack(compression, plain);
  const path = compression === 'plain' ? index : `${index}.${compression}`;
  const listed = new Map([
    [index, plain],
    [path, packed],
  ]);
  put(join(directory, path), layout.damage === true ? Buffer.concat([packed.subarray(0, -1), Buffer.from([0x21])]) : packed);
  const hashes = layout.releaseHashes ?? ['SHA256'];
  if (layout.byHash === true) {
    const hex = createHash('sha256').update(packed).digest('hex');
    put(join(directory, dirname(path), 'by-hash/SHA256', hex), packed);
    rmSync(join(root, directory, path));
  }
  const fields: Record<string, string | undefined> = {
    Origin: 'Test',
    Suite: 'stable',
    Codename: 'stable',
    Date: new Date(Date.now() - 3_600_000).toUTCString().replace('GMT', 'UTC'),
    Architectures: 'amd64',
    Components: 'main',
    ...(layout.byHash === true ? { 'Acquire-By-Hash': 'yes' } : {}),
    ...layout.release,
  };
  const release = [
    ...Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`])),
    ...hashes.flatMap((name) => [
      `${name}:`,
      ...[...listed].map(([file, content]) => ` ${digest(name, content)} ${content.byteLength} ${file}`),
    ]),
    '',
  ].join('\n');
  if (signature === 'InRelease') put(join(directory, 'InRelease'), sign(release, { key, detached: false }));
  else put(join(directory, 'Release'), release);
  if (signature === 'Release.gpg') put(join(directory, 'Release.gpg'), sign(release, { key, detached: true }));
}

function rewrite(paragraph: string, filename: (file: string) => string, hashes: readonly string[]): string {
  return paragraph
    .split('\n')
    .filter((line) => !/^(?:MD5sum|SHA1|SHA256|SHA512):/.test(line) || hashes.some((name) => line.startsWith(`${name}:`)))
    .map((line) => line.replace(/^Filename: (?:\.\/)?(.*)$/, (_, file: string) => `Filename: ${filename(file)}`))
    .flatMap((line) => (hashes.includes('SHA512') && line.startsWith('Filename: ') ? [line, 'SHA512: @'] : [line]))
    .join('\n');
}

/** dpkg-scanpackages writes no SHA-512: the layouts that want it fill it in. */
export function withSha512(debs: ReadonlyMap<string, Buffer>): (text: string) => string {
  return (text) =>
    text.replace(/Filename: (\S+)\nSHA512: @/g, (_, path: string) => {
      const file = path.slice(path.lastIndexOf('/') + 1);
      return `Filename: ${path}\nSHA512: ${createHash('sha512')
        .update(debs.get(file) ?? '')
        .digest('hex')}`;
    });
}

function pack(compression: Exclude<Compression, 'plain'>, content: Buffer): Buffer {
  const [program = '', ...args] = PACK[compression];
  return execFileSync(program, args, { input: content, stdio: ['pipe', 'pipe', 'ignore'] });
}

function digest(section: string, content: Buffer): string {
  return createHash(section.replace('Sum', '').toLowerCase()).update(content).digest('hex');
}
