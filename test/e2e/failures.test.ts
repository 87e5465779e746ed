import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/index.ts';
import { sampleImage, sampleLayer } from '../support/sample-image.ts';
import { caisson, MAIN, openBuildingSite, start, type BuildingSite } from './building-site.ts';
import { Throttle } from './throttle.ts';

const MIB = 2 ** 20;
const layers = [sampleLayer('one', 12 * MIB), sampleLayer('two', 8 * MIB)];
const blobs = new Map<string, Buffer>(layers.map(({ compressed }) => [digestOf(compressed), compressed]));

/** A shell that ends with the status of the first program of its pipe. */
function pipe(command: string): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const { status, stdout, stderr } = spawnSync('bash', ['-c', `${command}; exit "\${PIPESTATUS[0]}"`], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('when the machine fails', () => {
  let site: BuildingSite;
  let bundle: string;

  beforeAll(async () => {
    site = await openBuildingSite({ 'team/web': sampleImage(layers) });
    bundle = join(site.workshop.directory, 'reference.tar');
    expect(await caisson([...site.words, '--output', bundle])).toMatchObject({ status: 0 });
  });
  afterAll(() => site.close());

  describe('a disk that is small', () => {
    const disk = (): string => join(site.workshop.directory, 'disk');

    async function withDisk(size: string, work: () => Promise<void>): Promise<void> {
      await mkdir(disk(), { recursive: true });
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'caisson-test', disk()]);
      try {
        await work();
      } finally {
        execFileSync('umount', [disk()]);
        site.registry.intercept = () => false;
      }
    }

    it('is seen before anything is fetched, and keeps nothing', async () => {
      await withDisk('8m', async () => {
        site.registry.requests.length = 0;
        const output = join(disk(), 'demo.tar');
        expect(await caisson([...site.words, '--output', output])).toMatchObject({
          status: 5,
          stderr: expect.stringMatching(/BUNDLE_WRITE_FAILED: .*it needs 2\d\.\d MiB, free are \d\.\d MiB[\s\S]*Free space there/),
        });
        expect(site.registry.asked('/blobs/')).toEqual([]);
        expect(await readdir(disk())).toEqual([]);
      });
    });

    it('and fills up while the bundle is written: an error with its remedy, and the next run goes on', async () => {
      await withDisk('40m', async () => {
        const output = join(disk(), 'demo.tar');
        const throttle = new Throttle(blobs, 6 * MIB);
        site.registry.intercept = throttle.intercept;
        const run = start([process.execPath, MAIN, ...site.words, '--output', output]);
        while (throttle.sent < 6 * MIB) await sleep(10);
        await writeFile(join(disk(), 'filler'), Buffer.alloc(40 * MIB)).catch(() => {});
        expect(await run.ended).toMatchObject({
          status: 5,
          stderr: expect.stringMatching(
            /BUNDLE_WRITE_FAILED: .*(no space left|free are)[\s\S]*(free space|Free space) there and run the command again/,
          ),
        });
        expect((await readdir(disk())).filter((name) => name.startsWith('demo')).toSorted()).toEqual([
          'demo.tar.partial',
          'demo.tar.partial.journal',
        ]);

        await rm(join(disk(), 'filler'));
        const next = new Throttle(blobs, 100 * MIB);
        site.registry.intercept = next.intercept;
        expect(await caisson([...site.words, '--output', output])).toMatchObject({
          status: 0,
          stderr: expect.stringContaining('Going on with'),
        });
        expect(next.sent).toBeLessThan(16 * MIB);
        expect((await readFile(output)).equals(await readFile(bundle))).toBe(true);
      });
    });
  });

  it.each([
    ['a directory that is a file', () => `${bundle}/demo.tar`],
    ['a file system that takes no files', () => '/proc/demo.tar'],
  ])('cannot build into %s, and says so', async (_, output) => {
    expect(await caisson([...site.words, '--output', output()])).toMatchObject({
      status: 5,
      stderr: expect.stringMatching(/BUNDLE_WRITE_FAILED: [\s\S]*--output/),
    });
    expect(existsSync(output())).toBe(false);
  });

  it.each(['inspect', 'verify', 'inspect --json', '--help', 'verify --json'])(
    'ends %j without a word when the reader has gone',
    (words) => {
      const target = words === '--help' ? '' : bundle;
      for (const reader of ['head -c 1', 'true']) {
        const { status, stderr } = pipe(
          `'${process.execPath}' '${MAIN}' ${words} ${target} 2> >(grep -v '^verify\\|^Verify\\|Verif' >&2) | ${reader}`,
        );
        expect(stderr).not.toMatch(/Error|EPIPE|^ +at /m);
        expect([0, 141]).toContain(status);
      }
    },
  );

  it('stops a build whose reader has gone, and keeps what is there for the next one', async () => {
    const output = join(site.workshop.directory, 'piped', 'demo.tar');
    site.registry.intercept = new Throttle(blobs, 4 * MIB).intercept;
    const words = [...site.words, '--output', output, '--json'].map((word) => `'${word}'`).join(' ');
    const { status, stderr } = pipe(`'${process.execPath}' '${MAIN}' ${words} | head -n 3 > /dev/null`);
    site.registry.intercept = () => false;
    expect({ status, stderr }).toEqual({ status: 141, stderr: '' });
    expect(existsSync(output)).toBe(false);
    expect(await caisson([...site.words, '--output', output])).toMatchObject({ status: 0 });
  });

  it('says so when what it prints cannot be written, and does not end with 0', () => {
    const { status, stderr } = pipe(`'${process.execPath}' '${MAIN}' inspect '${bundle}' > /dev/full`);
    expect({ status, stderr }).toMatchObject({ status: 5, stderr: expect.stringMatching(/OUTPUT_LOST: Cannot print: .*ENOSPC/) });
  });
});
