import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openBundle } from '../../src/bundle/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { freePort } from '../support/free-port.ts';
import { sampleImage, sampleLayer } from '../support/sample-image.ts';
import { caisson, MAIN, openBuildingSite, start, type BuildingSite } from './building-site.ts';
import { Throttle } from './throttle.ts';

const MIB = 2 ** 20;
/** The most that a kill may cost for each connection that it breaks. */
const COST = 8 * MIB;

const layers = [14, 12, 10, 8, 3].map((size, index) => sampleLayer(`layer ${index}`, size * MIB));
const web = sampleImage(layers.slice(0, 3));
const api = sampleImage(layers.slice(2));
const blobs = new Map<string, Buffer>(layers.map(({ compressed }) => [digestOf(compressed), compressed]));
const content = [...blobs.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);

/** Resolves after a time, but not before something happened: how fast a program starts is up to the machine. */
async function due(milliseconds: number, happened: () => boolean): Promise<undefined> {
  await sleep(milliseconds);
  for (let tries = 0; tries < 1000 && !happened(); tries += 1) await sleep(10);
}

describe('what survives kill -9', () => {
  let site: BuildingSite;
  let directory: string;
  let reference: Buffer;

  beforeEach(async () => {
    site = await openBuildingSite({ 'team/web': web, 'team/api': api });
    directory = join(site.workshop.directory, 'out');
    const output = join(site.workshop.directory, 'reference.tar');
    expect(await caisson([...site.words, '--output', output])).toMatchObject({ status: 0 });
    reference = await readFile(output);
    await mkdir(directory, { recursive: true });
  });
  afterEach(() => site.close());

  it('a build that is killed every second or two: it ends with the identical file, and asks for little twice', async () => {
    const throttle = new Throttle(blobs, 2 * MIB);
    site.registry.intercept = throttle.intercept;
    const output = join(directory, 'storm.tar');
    let kills = 0;
    for (;;) {
      const before = throttle.sent;
      const run = start([process.execPath, MAIN, ...site.words, '--output', output]);
      const ended = await Promise.race([run.ended, due(1000 + ((kills * 389) % 1000), () => throttle.sent - before > 4 * MIB)]);
      if (ended !== undefined) {
        expect(ended).toMatchObject({ status: 0 });
        break;
      }
      run.child.kill('SIGKILL');
      await run.ended;
      kills += 1;
      expect(existsSync(output)).toBe(false);
      if (existsSync(`${output}.partial`))
        await expect(openBundle(`${output}.partial`)).rejects.toMatchObject({
          code: expect.stringMatching(/^BUNDLE_(INCOMPLETE|DAMAGED)$/),
        });
      expect(kills).toBeLessThan(40);
    }
    expect(reference.equals(await readFile(output))).toBe(true);
    expect((await readdir(directory)).filter((name) => name.includes('.tar'))).toEqual(['storm.tar']);

    const more = throttle.sent - content;
    process.stdout.write(
      `${kills} kills broke ${throttle.broken} connections and cost ${(more / MIB).toFixed(1)} MiB of ${(content / MIB).toFixed(1)}\n`,
    );
    expect(kills).toBeGreaterThanOrEqual(4);
    expect(throttle.broken).toBeGreaterThan(kills);
    expect(more).toBeGreaterThanOrEqual(0);
    expect(more).toBeLessThanOrEqual(throttle.broken * COST);
    // What it should be, where nothing but the piece that is being collected is lost.
    expect(more).toBeLessThanOrEqual(throttle.broken * 1.5 * MIB);
  });

  it('a build whose server sends as fast as it can: what the network holds is all that is lost', async () => {
    const throttle = new Throttle(blobs, 200 * MIB);
    site.registry.intercept = throttle.intercept;
    const output = join(directory, 'fast.tar');
    for (let kills = 0; kills < 6; kills += 1) {
      const before = throttle.sent;
      const run = start([process.execPath, MAIN, ...site.words, '--output', output]);
      while (throttle.sent - before < 6 * MIB && run.child.exitCode === null) await sleep(1);
      run.child.kill('SIGKILL');
      if ((await run.ended).status === 0) break;
    }
    if (!existsSync(output)) expect(await caisson([...site.words, '--output', output])).toMatchObject({ status: 0 });
    expect(reference.equals(await readFile(output))).toBe(true);
    expect(throttle.broken).toBeGreaterThan(0);
    const more = throttle.sent - content;
    process.stdout.write(`${throttle.broken} connections at 200 MiB/s cost ${(more / MIB).toFixed(1)} MiB\n`);
    expect(more).toBeLessThanOrEqual(throttle.broken * COST);
  });

  it('a build that Ctrl-C stopped: it says so, keeps what is there, and the next one goes on', async () => {
    const throttle = new Throttle(blobs, 4 * MIB);
    site.registry.intercept = throttle.intercept;
    const output = join(directory, 'stopped.tar');
    const run = start([process.execPath, MAIN, ...site.words, '--output', output]);
    while (throttle.sent < 20 * MIB) await sleep(10);
    run.child.kill('SIGINT');
    expect((await run.ended).status).toBe(130);
    expect((await readdir(directory)).filter((name) => name.includes('.tar')).toSorted()).toEqual([
      'stopped.tar.partial',
      'stopped.tar.partial.journal',
    ]);
    const before = throttle.sent;
    const next = new Throttle(blobs, 1000 * MIB);
    site.registry.intercept = next.intercept;
    expect(await caisson([...site.words, '--output', output])).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('Going on with'),
    });
    expect(before + next.sent - content).toBeLessThan(throttle.broken * 1.5 * MIB);
    expect(reference.equals(await readFile(output))).toBe(true);
  });

  it('serve, which holds no state: a client goes on where it stood', async () => {
    const bundle = join(directory, 'served.tar');
    expect(await caisson([...site.words, '--output', bundle])).toMatchObject({ status: 0 });
    const [digest = '', bytes = Buffer.alloc(0)] = [...blobs][0] ?? [];
    const port = await freePort();
    const serve = async () => {
      const run = start([process.execPath, MAIN, 'serve', bundle, '--listen', `127.0.0.1:${port}`]);
      for (let tries = 0; tries < 200; tries += 1) {
        if (
          await fetch(`http://127.0.0.1:${port}/v2/`).then(
            (response) => response.ok,
            () => false,
          )
        )
          return run;
        await sleep(50);
      }
      throw new Error('serve does not answer');
    };
    const named = await serve();
    expect(await readFile(`/proc/${named.child.pid}/comm`, 'utf8')).toBe('caisson\n');
    named.child.kill('SIGKILL');
    await named.ended;
    const url = `http://127.0.0.1:${port}/v2/team/web/blobs/${digest}`;
    const parts: Buffer[] = [];
    let position = 0;
    let kills = 0;
    while (position < bytes.byteLength) {
      const run = await serve();
      const response = await fetch(url, { headers: position === 0 ? {} : { range: `bytes=${position}-` } });
      expect(response.status).toBe(position === 0 ? 200 : 206);
      if (position > 0) expect(response.headers.get('content-range')).toBe(`bytes ${position}-${bytes.byteLength - 1}/${bytes.byteLength}`);
      try {
        for await (const chunk of response.body ?? []) {
          parts.push(Buffer.from(chunk));
          position += chunk.byteLength;
          if (kills < 3 && position > (kills + 1) * 2 * MIB) run.child.kill('SIGKILL');
        }
      } catch {
        kills += 1;
      }
      run.child.kill('SIGKILL');
      await run.ended;
    }
    expect(kills).toBe(3);
    expect(digestOf(Buffer.concat(parts))).toBe(digest);
    await rm(bundle);
  });
});
