import { readFile, realpath, statfs } from 'node:fs/promises';
import { sleep } from '../../io/index.ts';
import { mountOf, parseMounts, type Mount } from './mounts.ts';

/** The room of a file system when it was measured. */
export interface Room {
  /** Bytes. */
  readonly size: number;
  /** Bytes that a program without special rights may still write. */
  readonly available: number;
  /** Zero where the file system has no fixed number of them. */
  readonly inodes: number;
  readonly inodesFree: number;
}

export interface FileSystemUse {
  readonly mount: string;
  /** Undefined when it did not answer. */
  readonly room: Room | undefined;
}

export interface FileSystemOptions {
  /** Absolute paths. Each of their file systems is measured once. */
  readonly directories: readonly string[];
  /** Milliseconds until a file system that does not answer is left. */
  readonly limitMs?: number;
  readonly mountinfo?: string;
  readonly measure?: (mount: string) => Promise<Room>;
}

const MOUNTINFO = '/proc/self/mountinfo';
const LIMIT_MS = 5000;
/** Calls that hang hold a thread each, of four that the process has for files. */
const MOST_HANGING = 2;

/** Measures the file systems that directories lie on. */
export class FileSystems {
  readonly #options: Required<FileSystemOptions>;
  /** Mounts whose last call has not come back. */
  readonly #hanging = new Set<string>();

  constructor({ directories, limitMs = LIMIT_MS, mountinfo = MOUNTINFO, measure = roomOf }: FileSystemOptions) {
    this.#options = { directories, limitMs, mountinfo, measure };
  }

  /**
   * Measures each file system once. One of a server that is gone is asked again when its last call has come back; while two
   * hang, no remote one is asked. Rejects when the list of mounts cannot be read.
   */
  async read(): Promise<readonly FileSystemUse[]> {
    const { directories, mountinfo } = this.#options;
    if (directories.length === 0) return [];
    const mounts = parseMounts(await readFile(mountinfo, 'utf8'));
    const points = new Map<string, Mount>();
    for (const directory of directories) {
      const mount = await mountBelow(directory, mounts);
      if (mount !== undefined) points.set(mount.point, mount);
    }
    const found: FileSystemUse[] = [];
    for (const mount of points.values()) found.push({ mount: mount.point, room: await this.#roomOf(mount) });
    return found;
  }

  async #roomOf({ point, isRemote }: Mount): Promise<Room | undefined> {
    if (this.#hanging.has(point) || (isRemote && this.#hanging.size >= MOST_HANGING)) return undefined;
    this.#hanging.add(point);
    const answer = this.#options
      .measure(point)
      .catch(() => undefined)
      .finally(() => this.#hanging.delete(point));
    return withinLimit(answer, this.#options.limitMs);
  }
}

/** The file system of a directory, behind links too. Links below a remote mount are not followed: its server may be gone. */
async function mountBelow(directory: string, mounts: readonly Mount[]): Promise<Mount | undefined> {
  const mount = mountOf(directory, mounts);
  if (mount === undefined || mount.isRemote) return mount;
  const path = await realpath(directory).catch(() => directory);
  return mountOf(path, mounts);
}

/** Undefined when the work takes longer; it goes on then. */
export async function withinLimit<T>(work: Promise<T>, limitMs: number): Promise<T | undefined> {
  const over = new AbortController();
  try {
    return await Promise.race([
      work,
      sleep(limitMs, over.signal).then(
        () => undefined,
        () => undefined,
      ),
    ]);
  } finally {
    over.abort();
  }
}

async function roomOf(mount: string): Promise<Room> {
  const { bsize, blocks, bavail, files, ffree } = await statfs(mount);
  return { size: blocks * bsize, available: bavail * bsize, inodes: files, inodesFree: ffree };
}
