import { appendFile, open, readdir, readFile, readlink, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { fixedClock } from '../../src/core/index.ts';
import { openJournal } from '../../src/engine/journal.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
const clock = fixedClock(Date.UTC(2026, 0, 2));
const record = { event: 'step.started', step: 'a/m1/b', host: 'm1', summary: 'make b' } as const;

function path(): string {
  return join(directory(), 'state/journal.jsonl');
}

describe('openJournal', () => {
  it('writes one line a record, with the time and the run, for root alone', async () => {
    const journal = await openJournal(path(), { clock, run: 'r1' });
    await journal.append(record);
    expect(await readFile(path(), 'utf8')).toBe(
      '{"time":"2026-01-02T00:00:00.000Z","run":"r1","event":"step.started","step":"a/m1/b","host":"m1","summary":"make b"}\n',
    );
    await journal.close();
    expect((await stat(path())).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory(), 'state'))).mode & 0o777).toBe(0o700);
  });

  it('goes on where earlier runs ended', async () => {
    for (const run of ['r1', 'r2']) {
      const journal = await openJournal(path(), { clock, run });
      await journal.append(record);
      await journal.close();
    }
    const lines = (await readFile(path(), 'utf8')).split('\n');
    expect(lines.map((line) => /"run":"r[12]"/.exec(line)?.[0])).toEqual(['"run":"r1"', '"run":"r2"', undefined]);
  });

  it('does not join its first line to one that a crash cut short', async () => {
    await (await openJournal(path(), { clock, run: 'r1' })).close();
    await appendFile(path(), '{"time":"2026-01-0');
    const journal = await openJournal(path(), { clock, run: 'r2' });
    await journal.append(record);
    await journal.append(record);
    await journal.close();
    const lines = (await readFile(path(), 'utf8')).trimEnd().split('\n');
    expect(lines[0]).toBe('{"time":"2026-01-0');
    expect(lines.slice(1).map((line) => void JSON.parse(line))).toHaveLength(2);
  });

  it('leaves no file open, neither when it is closed nor when it cannot look at the end of the file', async () => {
    const journal = await openJournal(path(), { clock, run: 'r1' });
    await journal.append(record);
    expect(await countOpen(path())).toBe(1);
    await journal.close();
    expect(await countOpen(path())).toBe(0);
    const reading = vi.spyOn(await fileHandles(), 'read').mockRejectedValueOnce(new Error('bad disk'));
    await expect(openJournal(path(), { clock, run: 'r2' })).rejects.toThrow('bad disk');
    reading.mockRestore();
    expect(await countOpen(path())).toBe(0);
  });

  it('keeps lines whole that are appended at the same time', async () => {
    const journal = await openJournal(path(), { clock, run: 'r1' });
    await Promise.all(Array.from({ length: 50 }, (_, index) => journal.append({ ...record, host: `h${index}` })));
    await journal.close();
    const lines = (await readFile(path(), 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { host: string }).host)).toEqual(Array.from({ length: 50 }, (_, index) => `h${index}`));
  });

  it('has a record on disk when it says so', async () => {
    const synced = vi.spyOn(await fileHandles(), 'datasync');
    const journal = await openJournal(path(), { clock, run: 'r1' });
    await journal.append(record);
    expect(synced).toHaveBeenCalledTimes(1);
    synced.mockRestore();
    await journal.close();
  });

  it('tells of a record that cannot be written, and writes those behind it', async () => {
    const journal = await openJournal(path(), { clock, run: 'r1' });
    const synced = vi.spyOn(await fileHandles(), 'appendFile').mockRejectedValueOnce(new Error('disk full'));
    const [first, second] = await Promise.allSettled([journal.append(record), journal.append({ ...record, host: 'm2' })]);
    synced.mockRestore();
    await journal.close();
    expect([first?.status, second?.status]).toEqual(['rejected', 'fulfilled']);
    expect((await readFile(path(), 'utf8')).match(/"host":"m\d"/g)).toEqual(['"host":"m2"']);
  });
});

/** How many times this process has the file open. */
async function countOpen(file: string): Promise<number> {
  const links = (await readdir('/proc/self/fd')).map((fd) => readlink(join('/proc/self/fd', fd)).catch(() => ''));
  return (await Promise.all(links)).filter((link) => link === file).length;
}

/** The class of file handles, which is not exported; any handle leads to it. */
async function fileHandles(): Promise<Pick<FileHandle, 'datasync' | 'appendFile' | 'read'>> {
  const probe = await open(join(directory(), 'probe'), 'w');
  const prototype = Object.getPrototypeOf(probe) as FileHandle;
  await probe.close();
  return prototype;
}
