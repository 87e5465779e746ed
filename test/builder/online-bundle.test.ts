import { existsSync } from 'node:fs';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  buildBundle,
  connectUpstream,
  openOnlineBundle,
  parseMirrors,
  planLocked,
  type OnlineBundle,
  type Upstream,
} from '../../src/builder/index.ts';
import { beginBundle, openBundle, verifyBundle } from '../../src/bundle/index.ts';
import { digestOf, silent, systemClock, type Event } from '../../src/core/index.ts';
import { makeRepositoryKey, openDepot, type Depot } from '../../src/depot/index.ts';
import type { HttpResponse } from '../../src/server/index.ts';
import { openBuildingSite, type BuildingSite } from '../e2e/building-site.ts';
import { bodyText, httpRequest } from '../support/http-request.ts';
import { sampleImage, sampleIndex, sampleLayer } from '../support/sample-image.ts';

const MIB = 1024 * 1024;
const layers = [sampleLayer('large', 3 * MIB), sampleLayer('small')];
const image = sampleImage(layers);
const platforms = ['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture }));
const other = sampleImage([sampleLayer('other')], { platform: { os: 'linux', architecture: 'arm64' } });
const index = sampleIndex([image, other].map((document, number) => ({ document, ...platformAt(number) })));
const large = image.layers[0] ?? image.config;
const PACKAGE = 'http://packages.example/debian/pool/main/h/hello/hello_1.0_amd64.deb';

function platformAt(number: number) {
  const platform = platforms[number];
  return platform === undefined ? {} : { platform };
}

describe('a bundle that is filled while it is served', () => {
  let site: BuildingSite;
  let output: string;
  const events: Event[] = [];
  const ending: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    site = await openBuildingSite({ 'team/web': index });
    output = join(site.workshop.directory, 'kept/demo.tar');
    events.length = 0;
    const upstream = await connect();
    await buildBundle(request({ output: reference() }), upstream);
    site.registry.requests.length = 0;
    site.packages.requests.length = 0;
  });
  afterEach(async () => {
    for (const end of ending.splice(0).toReversed()) await end();
    await site.close();
  });

  function reference(): string {
    return join(site.workshop.directory, 'reference.tar');
  }

  function request(changes: { readonly output?: string } = {}) {
    const executables = platforms.map(
      ({ os, architecture }) => `${os}/${architecture}=${join(site.workshop.directory, `caisson-${os}-${architecture}`)}`,
    );
    return site.workshop.request({ platforms, executables, ...changes });
  }

  async function connect(): Promise<Upstream> {
    const upstream = await connectUpstream({
      imageLists: [join(site.workshop.directory, 'images.txt')],
      mirrors: parseMirrors(site.mirrors),
      env: {},
      clock: systemClock,
      emit: (event) => void events.push(event),
    });
    ending.push(() => upstream.close());
    return upstream;
  }

  async function begin(): Promise<void> {
    const { plan, files } = await planLocked(request());
    await site.workshop.write('kept/made', '');
    await beginBundle(plan, output, files);
  }

  async function online(): Promise<OnlineBundle> {
    const bundle = await openOnlineBundle(output, await connect(), { jobs: 2 });
    ending.push(() => bundle.close());
    return bundle;
  }

  async function depotOf(bundle: OnlineBundle): Promise<Depot> {
    const depot = await openDepot({ bundles: [], demanded: [bundle], repositoryKey: await makeRepositoryKey(), emit: silent });
    ending.push(() => depot.close());
    return depot;
  }

  async function ask(depot: Depot, target: string, method = 'GET'): Promise<HttpResponse> {
    return depot.handle(httpRequest(target, { host: 'seed.example:5000' }, method));
  }

  function layerPath(digest: string = large.digest): string {
    return `/v2/docker.io/team/web/blobs/${digest}`;
  }

  async function allMembers(): Promise<readonly string[]> {
    const reader = await openBundle(reference());
    const paths = reader.manifest.entries.map(({ path }) => path);
    await reader.close();
    return paths;
  }

  it('asks upstream for nothing until somebody asks it, and gives the bytes of the lock then', async () => {
    await begin();
    const depot = await depotOf(await online());
    expect(await bodyText(await ask(depot, '/files/manifests/platform.yaml'))).toContain('name: demo');
    expect(await bodyText(await ask(depot, '/files/caisson-linux-amd64'))).toBe('executable for amd64');
    expect((await ask(depot, '/apt/debian-12/dists/bookworm/InRelease')).status).toBe(200);
    expect([...site.registry.requests, ...site.packages.requests]).toEqual([]);

    const manifest = await ask(depot, '/v2/docker.io/team/web/manifests/1.0');
    expect(digestOf(await bodyText(manifest))).toBe(index.descriptor.digest);
    expect(digestOf(await bodyText(await ask(depot, `/v2/docker.io/team/web/manifests/${image.descriptor.digest}`)))).toBe(
      image.descriptor.digest,
    );
    expect(await ask(depot, layerPath())).toMatchObject({ status: 200, body: { size: large.size } });
    expect(await bodyText(await ask(depot, '/apt/debian-12/pool/main/h/hello/hello_1.0_amd64.deb'))).toBe('the hello package');
    expect(site.packages.requests.map(({ url }) => url)).toEqual([new URL(PACKAGE).pathname]);
  });

  it('fetches once for many clients, and not again after that', async () => {
    await begin();
    const depot = await depotOf(await online());
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(depot, layerPath())));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    await ask(depot, layerPath());
    expect(site.registry.asked(large.digest)).toHaveLength(1);
  });

  it('refuses a changed byte of a registry or a mirror, with place, reason and remedy, and keeps nothing of it', async () => {
    await begin();
    const depot = await depotOf(await online());
    const wrong = Buffer.from(site.registry.contentOf('team/web', large.digest) ?? '');
    wrong[2 * MIB] = (wrong[2 * MIB] ?? 0) ^ 1;
    site.registry.intercept = (request, response) => {
      if (!(request.url ?? '').includes(large.digest)) return false;
      response.end(wrong);
      return true;
    };
    site.files.set(PACKAGE, Buffer.from('the hellO package'));
    for (const [target, member, origin] of [
      [layerPath(), `blobs/sha256/${large.digest.slice(7)}`, 'docker.io/team/web'],
      ['/apt/debian-12/pool/main/h/hello/hello_1.0_amd64.deb', 'apt/debian-12/pool/main/h/hello/hello_1.0_amd64.deb', PACKAGE],
    ] as const) {
      const answer = await ask(depot, target);
      expect(answer.status).toBe(502);
      const told = await bodyText(answer);
      expect(told).toContain(`Cannot supply "${member}"`);
      expect(told).toContain('want sha256:');
      expect(told).toContain(`Take ${origin}`);
      expect(events).toContainEqual(expect.objectContaining({ type: 'warning', message: expect.stringContaining(member) }));
    }
    expect((await ask(depot, layerPath(), 'HEAD')).status).toBe(502);

    site.registry.intercept = () => false;
    site.files.set(PACKAGE, Buffer.from('the hello package'));
    expect(await ask(depot, layerPath())).toMatchObject({ status: 200 });
    expect(await bodyText(await ask(depot, '/apt/debian-12/pool/main/h/hello/hello_1.0_amd64.deb'))).toBe('the hello package');
  });

  it('says what is wrong while upstream is away, and serves what it has', async () => {
    await begin();
    const depot = await depotOf(await online());
    await ask(depot, layerPath());
    site.registry.intercept = (_, response) => {
      response.writeHead(403).end();
      return true;
    };
    expect(await ask(depot, layerPath())).toMatchObject({ status: 200 });
    const answer = await ask(depot, layerPath(image.layers[1]?.digest));
    expect(answer.status).toBe(502);
    expect(await bodyText(answer)).toMatch(/Cannot supply "blobs\/sha256\/[0-9a-f]+": .*403/);
  });

  it('goes on where it was killed in the middle of a fetch, with the rest of the bytes alone', async () => {
    await begin();
    const killed = await online();
    const bytes = site.registry.contentOf('team/web', large.digest) ?? Buffer.alloc(0);
    site.registry.intercept = (request, response) => {
      if (!(request.url ?? '').includes(large.digest)) return false;
      response.writeHead(200, { 'content-length': bytes.byteLength });
      response.write(bytes.subarray(0, 2 * MIB));
      return true;
    };
    const waiting = killed.need(`blobs/sha256/${large.digest.slice(7)}`).catch((error: unknown) => error);
    await expect.poll(() => killed.missing().bytes).toBeLessThanOrEqual(large.size - 2 * MIB + 20_000);
    // What kill -9 leaves: the files, and the lock of a process that is gone.
    await rm(`${output}.lock`);
    site.registry.intercept = () => false;

    const depot = await depotOf(await online());
    expect(await ask(depot, layerPath())).toMatchObject({ status: 200, body: { size: large.size } });
    expect(site.registry.asked(large.digest).at(-1)?.headers.range).toBe(`bytes=${2 * MIB}-`);
    await killed.close();
    expect(await waiting).toMatchObject({ code: 'INTERRUPTED' });
  });

  it('keeps what it has over a restart, and is the bundle of the lock byte for byte once all was asked for', async () => {
    await begin();
    const first = await online();
    await first.need(`blobs/sha256/${large.digest.slice(7)}`);
    await first.close();
    const second = await online();
    await Promise.all((await allMembers()).map((path) => second.need(path)));
    expect(second.missing()).toEqual({ members: 0, bytes: 0 });
    expect(site.registry.asked(large.digest)).toHaveLength(1);
    await second.close();
    expect((await readFile(output)).equals(await readFile(reference()))).toBe(true);
    expect((await verifyBundle(output)).findings).toEqual([]);
    expect(existsSync(`${output}.partial`)).toBe(false);
    expect(existsSync(`${output}.partial.journal`)).toBe(false);
  });

  it('keeps what it has when it is begun again, and is not begun by a lock that does not fit', async () => {
    await begin();
    const first = await online();
    await first.need(`blobs/sha256/${large.digest.slice(7)}`);
    await first.close();
    await begin();
    const second = await online();
    await second.need(`blobs/sha256/${large.digest.slice(7)}`);
    expect(site.registry.asked(large.digest)).toHaveLength(1);
    await site.workshop.write('images.txt', 'team/other:1.0\n');
    await expect(begin()).rejects.toMatchObject({ code: 'LOCK_MISMATCH' });
  });

  it('is written by one process at a time', async () => {
    await begin();
    await online();
    await expect(online()).rejects.toMatchObject({ code: 'BUNDLE_LOCKED' });
  });

  it('needs a bundle that was begun', async () => {
    await expect(online()).rejects.toMatchObject({ code: 'INPUT_UNREADABLE', hint: expect.stringContaining('--lock') });
  });

  it('takes up no more disk than was fetched', async () => {
    await begin();
    const { size, blocks } = await stat(`${output}.partial`);
    expect(size).toBe((await stat(reference())).size);
    expect(blocks * 512).toBeLessThan(size - 2 * MIB);
  });
});
