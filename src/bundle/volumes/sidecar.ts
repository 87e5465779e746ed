import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { digestFromHex, hexOf, type Digest } from '../../core/index.ts';
import { readLimited, writeFileAtomic, type FilePart } from '../../io/index.ts';
import { hashOnAllCores, type HashPoolOptions } from '../hash/hash-pool.ts';
import { sidecarPath } from './volume-path.ts';

const SIDECAR_LIMIT = 4096;

/** Writes the digest of a volume beside it, as `sha256sum -c` reads it. */
export async function writeSidecar(volume: string, digest: Digest): Promise<void> {
  await writeFileAtomic(sidecarPath(volume), `${hexOf(digest)}  ${basename(volume)}\n`);
}

/** The digest that is written beside a volume; undefined when there is none, or none that can be read. */
export async function readSidecar(volume: string): Promise<Digest | undefined> {
  const bytes = await readLimited(createReadStream(sidecarPath(volume)), SIDECAR_LIMIT, 'the digest of a volume').catch(() => undefined);
  const [, hex, name] = /^([0-9a-f]{64}) [ *](.+)\n$/.exec(bytes?.toString('utf8') ?? '') ?? [];
  return hex === undefined || name !== basename(volume) ? undefined : digestFromHex(hex);
}

/** Digests of whole volumes, read once, several at a time; undefined for one that cannot be read to its end. */
export async function hashVolumes(
  parts: readonly FilePart[],
  options: HashPoolOptions,
): Promise<ReadonlyMap<FilePart, Digest | undefined>> {
  const runs = parts.map((part) => ({
    start: part.start,
    pieces: [{ role: 'data' as const, length: part.end - part.start, member: part.path }],
  }));
  const hashed = await hashOnAllCores(parts, runs, options);
  const digests = new Map(hashed.map(({ run, results: [hex] }) => [run.start, typeof hex === 'string' ? digestFromHex(hex) : undefined]));
  return new Map(parts.map((part) => [part, digests.get(part.start)]));
}
