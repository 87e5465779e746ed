import { execFileSync } from 'node:child_process';
import { copyFile, cp, mkdir, readdir, readFile } from 'node:fs/promises';
import { chmodSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBundle } from '../../src/bundle/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { sampleImage, sampleLayer } from '../support/sample-image.ts';
import { caisson, MAIN, openBuildingSite, start, type BuildingSite } from './building-site.ts';
import { Throttle } from './throttle.ts';

const MIB = 2 ** 20;
const layers = [3, 2, 1, 0.25].map((size, index) => sampleLayer(`layer ${index}`, size * MIB));
const blobs = new Map<string, Buffer>(layers.map(({ compressed }) => [digestOf(compressed), compressed]));

describe('the same lock and the same inputs', () => {
  let site: BuildingSite;
  let first: Buffer;
  /** A copy that every user may read. */
  let main: string;
  let number = 0;

  beforeAll(async () => {
    site = await openBuildingSite({ 'team/web': sampleImage(layers.slice(0, 3)), 'team/api': sampleImage(layers.slice(1)) });
    const output = join(site.workshop.directory, 'first.tar');
    expect(await caisson([...site.words, '--output', output])).toMatchObject({ status: 0 });
    first = await readFile(output);
    const program = join(site.workshop.directory, 'program');
    await mkdir(program);
    main = join(program, 'main.js');
    await copyFile(MAIN, main);
    await cp(join(dirname(MAIN), 'chunks'), join(program, 'chunks'), { recursive: true });
    // The umask of the clone and of this run may have closed their files to others.
    execFileSync('chmod', ['-R', 'a+rX', site.workshop.directory]);
  });
  afterAll(() => site.close());

  /** A directory for one more build that everybody may write. */
  async function nextOutput(): Promise<string> {
    const directory = join(site.workshop.directory, `build-${(number += 1)}`);
    await mkdir(directory);
    chmodSync(directory, 0o777);
    return join(directory, 'demo.tar');
  }

  async function build(before: readonly string[], env: NodeJS.ProcessEnv = {}, more: readonly string[] = []): Promise<Buffer> {
    const output = await nextOutput();
    const argv = [...before, process.execPath, main, ...site.words, '--output', output, ...more];
    expect(await start(argv, env).ended).toMatchObject({ status: 0 });
    return readFile(output);
  }

  const script = (text: string): readonly string[] => ['sh', '-c', `${text}; exec "$@"`, 'sh'];

  it.each<[string, readonly string[], NodeJS.ProcessEnv, readonly string[]]>([
    ['another host name', ['unshare', '--uts', ...script('hostname somewhere-else')], {}, []],
    [
      'another user',
      ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'],
      // As sudo leaves it: the directory of another user's session, which is closed to this one.
      { HOME: '/', USER: 'nobody', LOGNAME: 'nobody', XDG_RUNTIME_DIR: '/root' },
      ['--frozen'],
    ],
    ['a closed umask', script('umask 077'), {}, []],
    ['an open umask', script('umask 000'), {}, []],
    ['another time zone', [], { TZ: 'Pacific/Kiritimati' }, []],
    ['another language', [], { LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8', LANGUAGE: 'tr' }, []],
    ['another working directory', script('cd /'), {}, []],
    ['one download at a time', [], {}, ['--jobs', '1']],
    ['many downloads at a time', [], {}, ['--jobs', '16']],
    ['the lock alone', [], {}, ['--frozen']],
    ['a lock that is resolved anew', [], {}, ['--update']],
  ])('give the same bytes with %s', async (_, before, env, more) => {
    expect(digestOf(await build(before, env, more))).toBe(digestOf(first));
  });

  it.each([[[90, 60, 30, 0]], [[0, 30, 60, 90]]])('give the same bytes whatever comes first: delays of %j ms', async (delays) => {
    const delayOf = new Map([...blobs.keys()].map((digest, index) => [digest, delays[index] ?? 0]));
    const throttle = new Throttle(blobs, 100 * MIB);
    site.registry.intercept = (request, response) => {
      const digest = request.url?.split('/').at(-1) ?? '';
      if (!delayOf.has(digest)) return false;
      setTimeout(() => throttle.intercept(request, response), 10 * (delayOf.get(digest) ?? 0));
      return true;
    };
    expect(digestOf(await build([]))).toBe(digestOf(first));
    site.registry.intercept = () => false;
  });

  it('give the same bytes when the build was killed on its way', async () => {
    const throttle = new Throttle(blobs, 2 * MIB);
    site.registry.intercept = throttle.intercept;
    const output = await nextOutput();
    const run = start([process.execPath, MAIN, ...site.words, '--output', output]);
    while (throttle.sent < 3 * MIB) await sleep(10);
    run.child.kill('SIGKILL');
    await run.ended;
    site.registry.intercept = () => false;
    expect(await caisson([...site.words, '--output', output])).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('Going on with'),
    });
    expect(digestOf(await readFile(output))).toBe(digestOf(first));
  });

  it('give the same bytes in volumes, killed on the way', async () => {
    const throttle = new Throttle(blobs, 2 * MIB);
    site.registry.intercept = throttle.intercept;
    const output = await nextOutput();
    const words = [...site.words, '--output', output, '--volume-size', `${MIB}`];
    const run = start([process.execPath, MAIN, ...words]);
    while (throttle.sent < 3 * MIB) await sleep(10);
    run.child.kill('SIGKILL');
    await run.ended;
    site.registry.intercept = () => false;
    expect(await caisson(words)).toMatchObject({ status: 0, stderr: expect.stringContaining('Going on with') });
    const names = (await readdir(dirname(output))).filter((name) => /\.\d+$/.test(name)).toSorted();
    const volumes = await Promise.all(names.map((name) => readFile(join(dirname(output), name))));
    expect(volumes.length).toBeGreaterThan(3);
    expect(digestOf(Buffer.concat(volumes))).toBe(digestOf(first));
    expect((await readdir(dirname(output))).filter((name) => /partial|journal|lock/.test(name))).toEqual([]);
  });

  it('honour SOURCE_DATE_EPOCH: that time is in the bundle and in every header, and twice gives the same bytes', async () => {
    const env = { SOURCE_DATE_EPOCH: '1700000000' };
    const dated = await build([], env);
    expect(digestOf(dated)).not.toBe(digestOf(first));
    expect(digestOf(await build([], { ...env, TZ: 'Asia/Tokyo' }))).toBe(digestOf(dated));
    const bundle = await openBundle(join(site.workshop.directory, `build-${number}`, 'demo.tar'));
    expect(bundle.manifest.date).toBe('2023-11-14T22:13:20Z');
    await bundle.close();
    const { stdout } = await start(['tar', '--utc', '--full-time', '-tvf', bundle.path]).ended;
    const times = new Set(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(/\s+/).slice(3, 5).join(' ')),
    );
    expect([...times]).toEqual(['2023-11-14 22:13:20']);
  });
});
