import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CaissonError, errnoOf } from '../../core/index.ts';
import { sleep, takeMachineLock } from '../../io/index.ts';

const EMPTY_ATTEMPTS = 10;
const EMPTY_DELAY_MS = 50;
const ENTER_DELAY_MS = 20;

/**
 * Lets one process at a time write a bundle: a file beside it names the writer. A lock whose process is gone (kill -9,
 * power cut) is taken over. Throws BUNDLE_LOCKED while the other process lives.
 */
export async function lockOutput(output: string): Promise<{ readonly release: () => Promise<void> }> {
  // One process at a time checks whether a lock is stale: two could take it over from each other.
  const leave = await enter(output);
  try {
    return await takeLock(output);
  } finally {
    await leave();
  }
}

async function enter(output: string): Promise<() => Promise<void>> {
  const name = `caisson-bundle ${createHash('sha256').update(resolve(output)).digest('hex')}`;
  for (;;) {
    const leave = await takeMachineLock(name);
    if (leave !== undefined) return leave;
    await sleep(ENTER_DELAY_MS);
  }
}

async function takeLock(output: string): Promise<{ readonly release: () => Promise<void> }> {
  const path = `${output}.lock`;
  const mine = `${process.pid} ${startTimeOf(process.pid) ?? ''}\n`;
  for (;;) {
    try {
      const file = await open(path, 'wx', 0o644);
      await file.writeFile(mine);
      await file.close();
      return { release: once(() => rm(path, { force: true })) };
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    await removeStaleLock(path, output);
  }
}

/** A second release must not remove the lock of the next process. */
function once(work: () => Promise<void>): () => Promise<void> {
  let result: Promise<void> | undefined;
  return () => (result ??= work());
}

async function removeStaleLock(path: string, output: string): Promise<void> {
  const found = await readLock(path);
  if (found === undefined) return;
  const [pid = '', startTime = ''] = found.trim().split(' ');
  if (isRunning(Number(pid), startTime)) {
    throw new CaissonError('BUNDLE_LOCKED', `Cannot write "${output}": process ${pid} writes it already`, {
      hint: `Wait for it; when no such process writes a bundle, remove ${path}`,
    });
  }
  // Moved aside and looked at before it goes: another process may have taken the stale lock over since it was read.
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) === found) await rm(aside, { force: true });
  else await rename(aside, path);
}

/** The text of the lock; waits a moment for a writer that has just made the file. Undefined when there is no lock. */
async function readLock(path: string): Promise<string | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const found = await readFile(path, 'utf8').catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (found !== '' || attempt === EMPTY_ATTEMPTS) return found;
    await sleep(EMPTY_DELAY_MS);
  }
}

function isRunning(pid: number, startTime: string): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
  const now = startTimeOf(pid);
  return now === undefined || startTime === '' || now === startTime;
}

/** Field 22 of /proc/PID/stat tells a process from a later one with the same number; undefined without /proc. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
