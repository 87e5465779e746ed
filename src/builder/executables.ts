import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import {
  CaissonError,
  errnoOf,
  formatPlatform,
  messageOf,
  parsePlatform,
  platformOfNode,
  platformSlug,
  type Digest,
  type Platform,
} from '../core/index.ts';
import { verifying } from '../io/index.ts';

/** The facts about the running program that locateExecutables needs. */
export interface SelfProgram {
  /** Absolute path of the executable or of main.js. */
  readonly path: string;
  /** True when `path` is an executable that needs no Node beside it. */
  readonly standalone: boolean;
}

/** The `caisson` that target hosts of one platform run. */
export interface ExecutableFile {
  readonly platform: Platform;
  readonly path: string;
  readonly digest: Digest;
  readonly size: number;
}

/** Its name in the bundle and beside it. */
export function executableName(platform: Platform): string {
  return `caisson-${platformSlug(platform)}`;
}

/**
 * Finds and digests one executable for each platform: the asked one (FILE for the only platform, or PLATFORM=FILE), else
 * the running one, else the one that `npm run build` left beside it. Throws EXECUTABLE_MISSING naming every platform
 * without one.
 */
export async function locateExecutables(
  platforms: readonly Platform[],
  options: { readonly asked: readonly string[]; readonly self: SelfProgram; readonly signal?: AbortSignal | undefined },
): Promise<ExecutableFile[]> {
  const asked = parseAsked(options.asked, platforms);
  const missing: string[] = [];
  const found: ExecutableFile[] = [];
  for (const platform of platforms) {
    const name = formatPlatform(platform);
    const path = asked.get(name) ?? defaultPath(platform, options.self);
    const file = await digestFile(path, options.signal);
    if (typeof file === 'string') missing.push(`for ${name} "${path}": ${file}`);
    else found.push({ platform, path, ...file });
  }
  if (missing.length > 0) {
    throw new CaissonError('EXECUTABLE_MISSING', `Cannot read the executable ${missing.join('; ')}`, {
      hint: `Make it with: npm run build${platforms.length > 1 ? ` -- ${platforms.map((one) => `--platform ${formatPlatform(one)}`).join(' ')}` : ''}; or name it with --executable PLATFORM=FILE`,
    });
  }
  return found;
}

function parseAsked(values: readonly string[], platforms: readonly Platform[]): Map<string, string> {
  const asked = new Map<string, string>();
  const names = platforms.map(formatPlatform);
  for (const value of values) {
    const match = /^([a-z0-9]+\/[a-z0-9]+(?:\/[a-z0-9]+)?)=(.+)$/.exec(value);
    const name = match?.[1] === undefined ? names[0] : formatPlatform(parsePlatform(match[1]));
    const usage = (reason: string): CaissonError => new CaissonError('USAGE', `Cannot use --executable "${value}": ${reason}`);
    if (match === null && names.length > 1) throw usage('there are several platforms, write it as PLATFORM=FILE');
    if (name === undefined || !names.includes(name)) throw usage(`the platforms are ${names.join(', ')}`);
    if (asked.has(name)) throw usage(`it is the second one for ${name}`);
    asked.set(name, match?.[2] ?? value);
  }
  return asked;
}

function defaultPath(platform: Platform, self: SelfProgram): string {
  const here = platformOfNode(process.platform, process.arch);
  const runsHere = platform.os === here.os && platform.architecture === here.architecture;
  return self.standalone && runsHere ? self.path : join(dirname(self.path), executableName(platform));
}

/** Digest and size of a file, or the reason why it cannot be read. */
async function digestFile(path: string, signal: AbortSignal | undefined): Promise<{ digest: Digest; size: number } | string> {
  try {
    if (!(await stat(path)).isFile()) return 'it is not a file';
    const hash = createHash('sha256');
    let size = 0;
    await pipeline(
      createReadStream(path, { highWaterMark: 1024 * 1024 }),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) {
          hash.update(chunk);
          size += chunk.byteLength;
        }
      },
      signal === undefined ? {} : { signal },
    );
    return { digest: `sha256:${hash.digest('hex')}`, size };
  } catch (error) {
    signal?.throwIfAborted();
    return errnoOf(error) === 'ENOENT' ? 'there is no such file' : messageOf(error);
  }
}

/**
 * Copies the executables beside the bundle, so that a bare host can start one; existing files stay. Returns their paths.
 * Throws DIGEST_MISMATCH when a file changed since it was located.
 */
export async function placeExecutables(
  executables: readonly ExecutableFile[],
  directory: string,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const placed: string[] = [];
  for (const file of executables) {
    const target = join(directory, executableName(file.platform));
    const there = await digestFile(target, signal);
    if (typeof there === 'string' || there.digest !== file.digest) await copyExecutable(file, target, signal);
    placed.push(target);
  }
  return placed;
}

async function copyExecutable(file: ExecutableFile, target: string, signal: AbortSignal | undefined): Promise<void> {
  const temporary = `${target}.partial`;
  try {
    await pipeline(
      createReadStream(file.path, { highWaterMark: 1024 * 1024 }),
      verifying(`"${file.path}"`, file),
      createWriteStream(temporary, { mode: 0o755 }),
      signal === undefined ? {} : { signal },
    );
    await chmod(temporary, 0o755);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
