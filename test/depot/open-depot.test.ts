import { copyFile, readFile, rename, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCleartextMessage, readKey, readSignature, createMessage, verify } from 'openpgp';
import { beforeAll, describe, expect, it } from 'vitest';
import { digestOf, hexOf, silent, type Event } from '../../src/core/index.ts';
import { makeRepositoryKey, openDepot, type Depot, type DepotOptions } from '../../src/depot/index.ts';
import type { RepositoryKeyPair } from '../../src/ospkg/index.ts';
import type { HttpResponse } from '../../src/server/index.ts';
import { newerBundle, writeDelta } from '../support/delta-bundle.ts';
import { bodyText, httpRequest } from '../support/http-request.ts';
import { small, smallBundle, SMALL_BUNDLE_DATE, writeSmallBundle } from '../support/small-bundle.ts';
import { useTempDir } from '../support/temp-dir.ts';

const REPOSITORY = '/apt/debian-12';

describe('openDepot', () => {
  const directory = useTempDir();
  let repositoryKey: RepositoryKeyPair;

  beforeAll(async () => {
    repositoryKey = await makeRepositoryKey();
  });

  async function withDepot(
    work: (depot: Depot, ask: (target: string, method?: string) => Promise<HttpResponse>) => Promise<void>,
    options: Partial<DepotOptions> = {},
  ) {
    const bundle = join(directory(), 'bundle.tar');
    await writeSmallBundle(bundle);
    const depot = await openDepot({ bundles: [bundle], repositoryKey, emit: silent, ...options });
    try {
      await work(depot, async (target, method) => depot.handle(httpRequest(target, { host: 'seed.example:5000' }, method)));
    } finally {
      await depot.close();
    }
  }

  it('serves every image of the bundle by tag and by digest, every blob whole', async () => {
    await withDepot(async (_, ask) => {
      for (const image of smallBundle().input.images) {
        const [name = '', tag = ''] = image.name.split(/:(?=[^/]*$)/);
        const byTag = await ask(`/v2/${name}/manifests/${tag}`);
        expect(byTag).toMatchObject({
          status: 200,
          headers: { 'content-type': image.root.mediaType, 'docker-content-digest': image.root.digest },
        });
        for (const { manifest, config, layers } of image.platforms) {
          expect(digestOf(await bodyText(await ask(`/v2/${name}/manifests/${manifest.digest}`)))).toBe(manifest.digest);
          for (const { digest, size } of [config, ...layers])
            expect(await ask(`/v2/${name}/blobs/${digest}`)).toMatchObject({ status: 200, body: { size } });
        }
      }
    });
  });

  it('serves the file of the bundle itself, whole and in parts', async () => {
    await withDepot(async (depot, ask) => {
      const [served] = depot.bundles;
      const path = `/bundles/${hexOf(served?.digest ?? digestOf(''))}.tar`;
      const bytes = await readFile(join(directory(), 'bundle.tar'));
      const answer = await ask(path);
      expect(answer).toMatchObject({ status: 200, body: { size: bytes.length } });
      expect(digestOf(await bodyText(answer))).toBe(digestOf(bytes.toString()));
      const part = await depot.handle(httpRequest(path, { host: 'seed.example:5000', range: 'bytes=257-261' }));
      expect(part.status).toBe(206);
      expect(await bodyText(part)).toBe('ustar');
      expect((await ask(`/bundles/${'0'.repeat(64)}.tar`)).status).toBe(404);
    });
  });

  it('serves each file of files.txt by its name, in parts too, with its digest, and lists it', async () => {
    const bundle = join(directory(), 'files.tar');
    const { input, contents } = smallBundle();
    const file = { ...small('files/bin/tool.tar.gz', 'a tool', 'file'), origin: 'https://downloads.example/tool.tar.gz' };
    await writeSmallBundle(bundle, { input: { ...input, files: [...input.files, file] }, contents });
    const depot = await openDepot({ bundles: [bundle], repositoryKey, emit: silent });
    const ask = async (target: string, headers: Readonly<Record<string, string>> = {}, method?: string): Promise<HttpResponse> =>
      depot.handle(httpRequest(target, { host: 'seed.example:5000', ...headers }, method));
    const whole = await ask('/files/bin/tool.tar.gz');
    expect(whole).toMatchObject({ status: 200, headers: { etag: `"${digestOf('a tool')}"`, 'content-type': 'application/octet-stream' } });
    expect(await bodyText(whole)).toBe('a tool');
    expect(await ask('/files/bin/tool.tar.gz', {}, 'HEAD')).toMatchObject({ status: 200, body: { size: 6 } });
    const part = await ask('/files/bin/tool.tar.gz', { range: 'bytes=2-' });
    expect(part.status).toBe(206);
    expect(await bodyText(part)).toBe('tool');
    expect(await ask('/files/bin/tool.tar.gz', { 'if-none-match': `"${digestOf('a tool')}"` })).toMatchObject({ status: 304 });
    expect(await bodyText(await ask('/files/bin/'))).toContain('<a href="./tool.tar.gz">tool.tar.gz</a>');
    expect(await bodyText(await ask('/files/'))).toMatch(/"\.\/bin\/"[^]*"\.\/bundle\.json"/);
    // By its path, as every member.
    expect(await bodyText(await ask('/files/files/bin/tool.tar.gz'))).toBe('a tool');
    expect((await ask('/files/bin/other')).status).toBe(404);
    await depot.close();
  });

  it('serves a delta and its base as one, with the repository of the delta', async () => {
    const base = join(directory(), 'base.tar');
    await writeSmallBundle(base);
    const delta = await writeDelta(join(directory(), 'delta.tar'), newerBundle('1.3.0', ['one']), [base]);
    const events: Event[] = [];
    const depot = await openDepot({ bundles: [base, delta], repositoryKey, emit: (event) => void events.push(event) });
    const ask = async (target: string): Promise<HttpResponse> => depot.handle(httpRequest(target, { host: 'seed.example:5000' }));
    expect(depot.bundles.map(({ manifest }) => manifest.version)).toEqual(['1.3.0', '1.2.3']);
    for (const image of smallBundle().input.images) {
      const [name = '', tag = ''] = image.name.split(/:(?=[^/]*$)/);
      expect(digestOf(await bodyText(await ask(`/v2/${name}/manifests/${tag}`)))).toBe(image.root.digest);
    }
    const path = 'apt/debian-12/pool/alpha_1.0_amd64.deb';
    expect(await bodyText(await ask(`/${path}`))).toBe(smallBundle().contents.get(path)?.toString());
    expect(events).toEqual([]);
    await depot.close();
    await expect(openDepot({ bundles: [delta], repositoryKey, emit: silent })).rejects.toMatchObject({ code: 'BUNDLE_BASE_MISSING' });
  });

  it('serves package files by their encoded name, byte for byte', async () => {
    await withDepot(async (_, ask) => {
      const path = 'apt/debian-12/pool/beta_2%3a1~rc1_all.deb';
      expect(await bodyText(await ask(`/${path.replace('%', '%25')}`))).toBe(smallBundle().contents.get(path)?.toString());
    });
  });

  it('signs the Release of each repository with the key of the site, dated as the content', async () => {
    await withDepot(async (_, ask) => {
      const verificationKeys = await readKey({ armoredKey: await bodyText(await ask(`${REPOSITORY}/key.asc`)) });
      const release = await bodyText(await ask(`${REPOSITORY}/dists/bookworm/Release`));
      const message = await readCleartextMessage({ cleartextMessage: await bodyText(await ask(`${REPOSITORY}/dists/bookworm/InRelease`)) });
      const inline = await verify({ message, verificationKeys, expectSigned: true });
      expect(`${inline.data}\n`).toBe(release);
      const signature = await readSignature({ armoredSignature: await bodyText(await ask(`${REPOSITORY}/dists/bookworm/Release.gpg`)) });
      const detached = await verify({ message: await createMessage({ text: release }), signature, verificationKeys, expectSigned: true });
      expect((await detached.signatures[0]?.signature)?.packets[0]?.created).toEqual(SMALL_BUNDLE_DATE);
    });
  });

  it('gives the key in binary form too', async () => {
    await withDepot(async (depot) => {
      const response = await depot.handle(httpRequest(`${REPOSITORY}/key.gpg`));
      const body = response.body;
      if (body === undefined || typeof body === 'string' || !('open' in body)) throw new Error('no stream');
      const chunks: Buffer[] = [];
      for await (const chunk of await body.open()) chunks.push(Buffer.from(chunk));
      const key = await readKey({ binaryKey: Buffer.concat(chunks) });
      expect(key.getFingerprint()).toBe((await readKey({ armoredKey: repositoryKey.publicKey })).getFingerprint());
    });
  });

  it('serves every member under /files/, and nothing that is made here', async () => {
    await withDepot(async (_, ask) => {
      expect(await bodyText(await ask('/files/caisson'))).toBe('#!/bin/sh\necho hello\n');
      expect((await ask('/files/apt/debian-12/dists/bookworm/InRelease')).status).toBe(404);
      expect(JSON.parse(await bodyText(await ask('/files/bundle.json')))).toMatchObject({ name: 'lab' });
      expect(await bodyText(await ask('/files/'))).toContain('./documents/');
      expect((await ask('/files/..%2f..%2fetc%2fpasswd')).status).toBe(400);
    });
  });

  it('says that it is well and which bundle it serves', async () => {
    await withDepot(async (depot, ask) => {
      const digest = depot.bundles[0]?.digest;
      expect(digest).toMatch(/^sha256:/);
      expect(JSON.parse(await bodyText(await ask('/healthz')))).toEqual({
        status: 'ok',
        bundles: [{ name: 'lab', version: '1.2.3', date: '2026-03-04T05:06:07Z', digest }],
      });
    });
  });

  it('counts what it is told of', async () => {
    await withDepot(
      async (depot, ask) => {
        depot.record({ route: 'registry-blob', method: 'GET', status: 200, bytes: 10 });
        const text = await bodyText(await ask('/metrics'));
        expect(text).toContain('caisson_http_requests_total{route="registry-blob",method="GET",status="200"} 1');
        expect(text).toContain('caisson_http_connections 3');
        expect(text).toMatch(/caisson_bundle_info\{name="lab",version="1\.2\.3",.*\} 1/);
      },
      { connections: () => 3 },
    );
  });

  it('shows people what there is and how to use it, with nothing from elsewhere', async () => {
    await withDepot(async (depot, ask) => {
      const response = await ask('/');
      const page = await bodyText(response);
      expect(page).toContain('docker pull seed.example:5000/');
      expect(page).toContain('deb [signed-by=/etc/apt/keyrings/caisson.asc] http://seed.example:5000/apt/debian-12 bookworm main');
      expect(page).not.toMatch(/<script|src=|url\(|<link/);
      expect(response.headers?.['content-security-policy']).toContain("default-src 'none'");
      const hostile = await bodyText(await depot.handle(httpRequest('/', { host: '"><script>alert(1)</script>' })));
      expect(hostile).not.toContain('alert(1)');
    });
  });

  it.each(['/', '/healthz', '/metrics', '/files/caisson', `${REPOSITORY}/key.asc`])('refuses to write to %s', async (target) => {
    await withDepot(async (_, ask) => expect((await ask(target, 'PUT')).status).toBe(405));
  });

  it('serves several bundles as one; the first wins, and a repository that is hidden is named', async () => {
    const [first, second] = [join(directory(), 'a.tar'), join(directory(), 'b.tar')];
    const events: Event[] = [];
    const base = smallBundle();
    await writeSmallBundle(first);
    await writeSmallBundle(
      second,
      smallBundle({ name: 'more', images: base.input.images.map((image) => ({ ...image, name: image.name.replace('alpha', 'omega') })) }),
    );
    const depot = await openDepot({ bundles: [first, second], repositoryKey, emit: (event) => events.push(event) });
    const ask = async (target: string) => depot.handle(httpRequest(target));
    expect((await ask('/v2/alpha/manifests/1.0')).status).toBe(200);
    expect((await ask('/v2/omega/manifests/1.0')).status).toBe(200);
    expect(JSON.parse(await bodyText(await ask('/files/bundle.json')))).toMatchObject({ name: 'lab' });
    expect(events).toEqual([{ type: 'warning', message: expect.stringContaining('is not served') }]);
    await depot.close();
  });

  it('refuses a key that cannot sign, and a bundle that is cut short', async () => {
    const bundle = join(directory(), 'bundle.tar');
    await writeSmallBundle(bundle);
    await expect(
      openDepot({ bundles: [bundle], repositoryKey: { privateKey: 'nonsense', publicKey: '' }, emit: silent }),
    ).rejects.toMatchObject({
      code: 'CERTIFICATE_INVALID',
    });
    const cut = join(directory(), 'cut.tar');
    await copyFile(bundle, cut);
    await truncate(cut, 2048);
    await expect(openDepot({ bundles: [bundle, cut], repositoryKey, emit: silent })).rejects.toMatchObject({ code: 'BUNDLE_DAMAGED' });
  });

  describe('a bundle that changes under a running depot', () => {
    const [image] = smallBundle().input.images;
    const layer = image?.platforms[0]?.layers[0]?.digest;
    const [name = '', tag = ''] = image?.name.split(/:(?=[^/]*$)/) ?? [];

    it.each([
      ['truncated', (bundle: string) => truncate(bundle, 2048), /has 2048 bytes, and had \d+ when it was opened/],
      [
        'overwritten',
        async (bundle: string) => writeFile(bundle, Buffer.alloc((await stat(bundle)).size, 'x')),
        /was written to at 20.*Z, after it was opened/,
      ],
    ])('makes the depot unwell and refuses its bytes when it is %s', async (_, change, reason) => {
      await withDepot(async (depot, ask) => {
        expect(await ask('/healthz')).toMatchObject({ status: 200 });
        await new Promise((resolve) => setTimeout(resolve, 20));
        await change(join(directory(), 'bundle.tar'));
        const health = await ask('/healthz');
        expect(health.status).toBe(503);
        expect(JSON.parse(await bodyText(health))).toMatchObject({
          status: 'changed',
          bundles: [{ fault: expect.stringMatching(reason) }],
        });
        const digest = hexOf(depot.bundles[0]?.digest ?? digestOf(''));
        for (const target of [
          `/v2/${name}/blobs/${layer}`,
          '/files/SHA256SUMS',
          `/bundles/${digest}.tar`,
          `${REPOSITORY}/dists/bookworm/Release`,
        ]) {
          const answer = await ask(target);
          expect([target, answer.status]).toEqual([target, 503]);
          expect(await bodyText(answer)).toMatch(reason);
        }
        expect((await ask(`/v2/${name}/manifests/${tag}`)).status).not.toBe(200);
      });
    });

    it('goes on with a file that was renamed or replaced: the open one is the same', async () => {
      await withDepot(async (_, ask) => {
        const bundle = join(directory(), 'bundle.tar');
        await rename(bundle, `${bundle}.old`);
        await writeFile(bundle, 'another');
        expect(await ask('/healthz')).toMatchObject({ status: 200 });
        expect(await ask(`/v2/${name}/blobs/${layer}`)).toMatchObject({ status: 200 });
      });
    });
  });
});
