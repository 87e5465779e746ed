import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { isMachineLockTaken } from '../../src/io/index.ts';
import { engineUsers } from '../lab/engine-users.ts';

describe('engineUsers', () => {
  it('knows of users until each of them leaves', async () => {
    const users = engineUsers(`caisson-test-engine-${process.pid}`);
    expect(users.areThere()).toBe(false);
    const [first, second] = [await users.enter(), await users.enter()];
    await first();
    expect(users.areThere()).toBe(true);
    await second();
    expect(users.areThere()).toBe(false);
  });

  it('knows of a user in another process until that is killed, and of no user with a longer name', async () => {
    const name = `caisson-test-engine-${process.pid}`;
    const code = `require('node:net').createServer().listen('\\0${name}-other user 1 1', () => console.log('held'))`;
    const other = spawn(process.execPath, ['-e', code]);
    await once(other.stdout, 'data');
    expect(engineUsers(name).areThere()).toBe(false);
    expect(engineUsers(`${name}-other`).areThere()).toBe(true);
    other.kill('SIGKILL');
    await once(other, 'exit');
    expect(engineUsers(`${name}-other`).areThere()).toBe(false);
  });

  it('lets one work alone, and the next when that has ended, also badly', async () => {
    const name = `caisson-test-engine-${process.pid}`;
    const users = engineUsers(name);
    const log: string[] = [];
    let begun = (): void => {};
    let finish = (): void => {};
    const isBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const first = users.alone(async () => {
      begun();
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      log.push('first ended');
      throw new Error('badly');
    });
    await isBegun;
    const second = users.alone(async () => {
      log.push('second');
    });
    expect(await isMachineLockTaken(`${name} door`)).toBe(true);
    expect(log).toEqual([]);
    finish();
    await expect(first).rejects.toThrow('badly');
    await second;
    expect(log).toEqual(['first ended', 'second']);
  });
});
