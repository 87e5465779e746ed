import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BundlePlan } from '../../src/bundle/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { builtCaisson } from '../support/built-caisson.ts';
import { startDockerRegistry, type DockerRegistry } from '../support/docker-registry.ts';
import { writeGeneratedBundle } from '../support/generated-bundle.ts';

const run = promisify(execFile);
const BLOBS = 6;
const USER = { name: 'user', password: 'pa:ss word', hash: '$2b$05$abcdefghijklmnopqrstuuDvFYunEEkRAUw6hKd4mLN/wdxTQz.ki' };

describe('caisson push', () => {
  let directory: string;
  let bundle: string;
  let plan: BundlePlan;
  let registry: DockerRegistry;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'caisson-push-'));
    bundle = join(directory, 'bundle.tar');
    plan = await writeGeneratedBundle({ output: bundle, blobs: BLOBS, blobSize: 40 * 1024 * 1024 });
  });
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });
  beforeEach(async () => {
    registry = await startDockerRegistry();
  });
  afterEach(async () => {
    await registry.stop();
  });

  /** Digests of the blobs that were committed so far, in order. */
  function committed(): string[] {
    return registry.requests
      .filter(({ method, uri, status }) => method === 'PUT' && status === 201 && uri.includes('/blobs/uploads/'))
      .map(({ uri }) => new URL(uri, 'http://registry').searchParams.get('digest') ?? '');
  }

  async function digestThere(): Promise<string> {
    const { stdout } = await run('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${registry.host}/site/generated:v1`]);
    return digestOf(stdout);
  }

  it('prints what it would do, does it, and does nothing the next time', async () => {
    const words = ['push', bundle, `${registry.host}/site`];
    const planned = await builtCaisson([...words, '--plan']);
    expect(planned).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/new\n[^]*Would upload 240\.0 MiB in 7 blobs[^]*Nothing was changed/),
    });
    expect(committed()).toEqual([]);

    expect(await builtCaisson(words)).toMatchObject({ status: 0, stdout: expect.stringMatching(/pushed[^]*7 blobs uploaded/) });
    expect(await digestThere()).toBe(plan.manifest.images[0]?.root.digest);
    const before = committed().length;
    expect(await builtCaisson(words)).toMatchObject({ status: 0, stdout: expect.stringMatching(/was there[^]*0 blobs uploaded/) });
    expect(committed()).toHaveLength(before);
  });

  it('goes on after kill -9: no blob that had arrived is sent again', async () => {
    const words = ['push', bundle, `${registry.host}/site`, '--jobs', '1'];
    const killed = await builtCaisson(words, {
      whenStarted: (child) => {
        const timer = setInterval(() => {
          if (committed().length < 2) return;
          clearInterval(timer);
          child.kill('SIGKILL');
        }, 5);
      },
    });
    expect(killed.status).toBeNull();
    const before = committed().length;
    expect(before).toBeLessThan(BLOBS + 1);
    expect(await builtCaisson(words)).toMatchObject({ status: 0 });
    expect(await digestThere()).toBe(plan.manifest.images[0]?.root.digest);
    const all = committed();
    expect(all).toHaveLength(BLOBS + 1);
    expect(new Set(all).size).toBe(all.length);
  });

  it('uses the logins of docker, and says how to log in without one', async () => {
    await registry.stop();
    registry = await startDockerRegistry({ user: USER });
    const words = ['push', bundle, `${registry.host}/site`];
    expect(await builtCaisson(words, { env: { HOME: directory } })).toMatchObject({
      status: 5,
      stderr: expect.stringMatching(new RegExp(`AUTH_FAILED[^]*docker login ${registry.host}`)),
    });
    const auth = Buffer.from(`${USER.name}:${USER.password}`).toString('base64');
    await writeFile(join(directory, 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
    const ended = await builtCaisson(words, { env: { DOCKER_CONFIG: directory } });
    expect(ended).toMatchObject({ status: 0 });
    expect(ended.stdout + ended.stderr).not.toContain(USER.password);
  });

  it.each([
    [['push'], 2, /bundle/],
    [['push', 'BUNDLE', 'https://registry.site'], 2, /it has a scheme/],
    [['push', 'BUNDLE', 'registry.site', '--jobs', 'many'], 2, /--jobs/],
    [['push', '/does/not/exist', '127.0.0.1:1'], 3, /INPUT_UNREADABLE/],
    [['push', 'BUNDLE', '127.0.0.1:1', '--ca', '/does/not/exist'], 3, /INPUT_UNREADABLE/],
  ])('ends a wrong command line %j with status %i', async (words, status, message) => {
    const ended = await builtCaisson(words.map((word) => (word === 'BUNDLE' ? bundle : word)));
    expect(ended).toMatchObject({ status, stderr: expect.stringMatching(message) });
  });
});
