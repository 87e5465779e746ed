import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import { errnoOf } from '../../core/index.ts';
import type { BundlePlan } from '../format/plan.ts';
import { writeError } from './positioned-file.ts';

/** The state of a member: the number of bytes written from its start, and whether its digest was found right. */
export interface Fill {
  readonly present: number;
  readonly proven: boolean;
}

/** By path; of an absent member no byte is written. */
export type FillProgress = ReadonlyMap<string, Fill>;

const FORMAT = 'caisson.journal/v1';
/** Most bytes of a journal, which has about 20 bytes for each mebibyte of the bundle. */
const SIZE_LIMIT = 256 * 1024 * 1024;
const CHECK_LENGTH = 8;
/** Stands for an unknown boot id. Members that such a journal names are read back before they count as proven. */
const UNKNOWN_BOOT = 'unknown';

/**
 * Records in a file beside a partial file which bytes of it are written: a first line that names plan, file and boot,
 * then a line for each piece ("member 3 has 2097152 bytes") and for each proven member. A line is written after the
 * bytes that it names, so it is true as long as the machine runs, also after kill -9. A power cut may keep lines and
 * lose bytes, so after another boot no member counts as proven.
 */
export class FillJournal {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #head: string;
  readonly #numbers: ReadonlyMap<string, number>;

  private constructor(path: string, handle: FileHandle, head: string, plan: BundlePlan) {
    this.#path = path;
    this.#handle = handle;
    this.#head = head;
    this.#numbers = new Map(plan.members.map((member, number) => [member.path, number]));
  }

  /**
   * Reads a journal up to its first line that is torn, edited or damaged. Undefined when there is no journal, or one of
   * another plan or another file.
   */
  static async read(output: string, plan: BundlePlan, identity: string): Promise<FillProgress | undefined> {
    const text = await readText(journalPath(output));
    const [head = '', ...lines] = text?.split('\n').slice(0, -1) ?? [];
    const boot = head.slice(head.lastIndexOf(' ') + 1);
    if (head !== headOf(plan, identity, boot)) return undefined;
    const trusted = boot !== UNKNOWN_BOOT && boot === (await bootId());
    const progress = new Map<string, Fill>();
    for (const line of lines) {
      const [number = '', what = '', check] = line.split(' ');
      const member = /^\d{1,9}$/.test(number) ? plan.members[Number(number)] : undefined;
      const present = what === 'done' ? member?.size : readCount(what);
      if (member === undefined || present === undefined || present > member.size || check !== checkOf(head, `${number} ${what}`)) break;
      progress.set(member.path, { present, proven: trusted && what === 'done' });
    }
    return progress;
  }

  /** Replaces an earlier journal atomically by one that begins with `progress`. Throws BUNDLE_WRITE_FAILED. */
  static async start(output: string, plan: BundlePlan, identity: string, progress: FillProgress): Promise<FillJournal> {
    const path = journalPath(output);
    const fresh = `${path}.new`;
    try {
      await rm(fresh, { force: true });
      const handle = await open(fresh, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND, 0o644);
      try {
        const journal = new FillJournal(path, handle, headOf(plan, identity, (await bootId()) ?? UNKNOWN_BOOT), plan);
        const lines = [...progress].map(([member, { present, proven }]) => journal.#line(member, proven ? 'done' : present));
        await handle.writeFile(`${journal.#head}\n${lines.join('')}`);
        await handle.sync();
        await rename(fresh, path);
        return journal;
      } catch (error) {
        await handle.close();
        throw error;
      }
    } catch (error) {
      throw writeError(path, error);
    }
  }

  /** Adds a line: the member has `what` bytes, or it is proven (`done`). Throws BUNDLE_WRITE_FAILED. */
  async note(member: string, what: number | 'done'): Promise<void> {
    await this.#handle.appendFile(this.#line(member, what)).catch((error: unknown) => {
      throw writeError(this.#path, error);
    });
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  #line(member: string, what: number | 'done'): string {
    const number = this.#numbers.get(member);
    if (number === undefined) throw new Error(`"${member}" is not in the plan`);
    const body = `${number} ${what}`;
    return `${body} ${checkOf(this.#head, body)}\n`;
  }
}

/** Throws BUNDLE_WRITE_FAILED. */
export async function removeJournal(output: string): Promise<void> {
  const path = journalPath(output);
  await rm(path, { force: true }).catch((error: unknown) => {
    throw writeError(path, error);
  });
}

function journalPath(output: string): string {
  return `${output}.partial.journal`;
}

/** The digest covers the content of every member and its place. */
function headOf(plan: BundlePlan, identity: string, boot: string): string {
  return `${FORMAT} ${plan.bundleDigest} ${identity} ${boot}`;
}

/** Covers the first line too, so that a line is valid only below the first line that it was written for. */
function checkOf(head: string, body: string): string {
  return createHash('sha256').update(`${head}\n${body}`).digest('hex').slice(0, CHECK_LENGTH);
}

function readCount(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Undefined when there is none that could be ours. */
async function readText(path: string): Promise<string | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ELOOP') return undefined;
    throw writeError(path, error);
  }
  try {
    const stats = await handle.stat();
    return stats.isFile() && stats.size <= SIZE_LIMIT ? await handle.readFile('latin1') : undefined;
  } finally {
    await handle.close();
  }
}

/** Changes with each start of the kernel (random(4)); undefined where there is no such file. */
async function bootId(): Promise<string | undefined> {
  const id = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return /^[0-9a-f-]{36}$/.exec(id.trim())?.[0];
}
