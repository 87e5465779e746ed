import { randomBytes } from 'node:crypto';
import { readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock, type Event } from '../../src/core/index.ts';
import { copyLargeFile } from '../../src/usecases/copy-file.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
const MIB = 1024 * 1024;

async function copy(size: number, signal = new AbortController().signal, onEvent: (event: Event) => void = () => {}) {
  const [source, target] = [join(directory(), 'source'), join(directory(), 'target')];
  const bytes = randomBytes(size);
  await writeFile(source, bytes);
  const events: Event[] = [];
  const emit = (event: Event): void => {
    events.push(event);
    onEvent(event);
  };
  await copyLargeFile([source], target, { size, clock: systemClock, emit, signal });
  return { same: bytes.equals(await readFile(target)), events };
}

describe('copyLargeFile', () => {
  it.each([0, 1, 3 * MIB + 17])('copies %i bytes', async (size) => {
    expect((await copy(size)).same).toBe(true);
  });

  it.each([1, 2 * MIB, 3 * MIB])('goes on behind the %i bytes that an earlier run copied', async (present) => {
    const [source, target] = [join(directory(), 'source'), join(directory(), 'target')];
    const bytes = randomBytes(3 * MIB);
    await writeFile(source, bytes);
    // Not the bytes of the source: what is there must not be written again.
    await writeFile(target, Buffer.alloc(present, 'x'));
    const events: Event[] = [];
    const options = {
      size: bytes.byteLength,
      clock: systemClock,
      emit: (event: Event) => events.push(event),
      signal: new AbortController().signal,
    };
    expect(await copyLargeFile([source], target, options)).toBe(present);
    expect((await readFile(target)).equals(Buffer.concat([Buffer.alloc(present, 'x'), bytes.subarray(present)]))).toBe(true);
    expect(events).toContainEqual({ type: 'note', message: expect.stringContaining('Going on with') });
  });

  it('starts over a target that is longer, or no file', async () => {
    const [source, target, other] = [join(directory(), 'source'), join(directory(), 'target'), join(directory(), 'other')];
    await writeFile(source, 'content');
    const options = { size: 7, clock: systemClock, emit: () => {}, signal: new AbortController().signal };
    await writeFile(target, 'a longer content');
    expect(await copyLargeFile([source], target, options)).toBe(0);
    expect(await readFile(target, 'utf8')).toBe('content');

    await writeFile(other, 'x');
    await rm(target);
    await symlink(other, target);
    await copyLargeFile([source], target, options);
    expect([await readFile(target, 'utf8'), await readFile(other, 'utf8')]).toEqual(['content', 'x']);
  });

  it('says how far it is, where it has to copy', async () => {
    const { same, events } = await copy(40 * MIB);
    expect(same).toBe(true);
    const types = events.map(({ type }) => type);
    // A file system that shares blocks has nothing to tell.
    expect([[], ['task.started', 'task.progress', 'task.progress', 'task.finished']]).toContainEqual(types);
  });

  it('stops when it is interrupted', async () => {
    const stop = new AbortController();
    stop.abort(new Error('received SIGINT'));
    await expect(copy(2 * MIB, stop.signal)).rejects.toThrow('received SIGINT');
  });

  it.each([0, 1, 3 * MIB + 16, 3 * MIB + 17, 4 * MIB])('joins several files, behind the %i bytes that are there', async (present) => {
    const parts = [randomBytes(3 * MIB + 17), randomBytes(0), randomBytes(5), randomBytes(2 * MIB)];
    const paths = parts.map((_, index) => join(directory(), `part-${index}`));
    for (const [index, part] of parts.entries()) await writeFile(paths[index] ?? '', part);
    const target = join(directory(), 'joined');
    const whole = Buffer.concat(parts);
    const options = { size: whole.length, clock: systemClock, emit: () => {}, signal: new AbortController().signal };
    await writeFile(target, whole.subarray(0, present));
    expect(await copyLargeFile(paths, target, options)).toBe(present);
    expect(whole.equals(await readFile(target))).toBe(true);
  });

  it('tells why it cannot', async () => {
    const options = { size: 1, clock: systemClock, emit: () => {}, signal: new AbortController().signal };
    await expect(copyLargeFile([join(directory(), 'none')], join(directory(), 'x'), options)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
