import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf, silent, systemClock } from '../../src/core/index.ts';
import { makeRepositoryKey, startDepot, type RunningDepot } from '../../src/depot/index.ts';
import { createAuthority, issueCertificate } from '../../src/pki/index.ts';
import { registryRoutes, startListener, type Handler, type Listener } from '../../src/server/index.ts';
import { dockerEngine } from '../support/docker-engine.ts';
import { MemoryBlobStore, memoryCatalog } from '../support/memory-store.ts';
import { putImage } from '../support/random-image.ts';
import { smallBundle, writeSmallBundle } from '../support/small-bundle.ts';

const run = promisify(execFile);
const { images } = smallBundle().input;

async function skopeo(...words: readonly string[]): Promise<string> {
  return (await run('skopeo', ['--insecure-policy', ...words], { maxBuffer: 16 * 1024 * 1024 })).stdout;
}

describe('registry clients against a depot', () => {
  let directory: string;
  let depot: RunningDepot;
  let host: string;
  const pulled: string[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'caisson-registry-'));
    const bundle = join(directory, 'bundle.tar');
    await writeSmallBundle(bundle);
    depot = await startDepot({ bundles: [bundle], repositoryKey: await makeRepositoryKey(), host: '127.0.0.1', port: 0, emit: silent });
    host = `127.0.0.1:${depot.port}`;
  });
  afterAll(async () => {
    const engine = await dockerEngine();
    if (pulled.length > 0) await engine.docker(['image', 'rm', '--force', ...pulled], { expect: 'any' });
    await depot.close(0);
    await rm(directory, { recursive: true, force: true });
  });

  async function pull(reference: string): Promise<void> {
    pulled.push(reference);
    await (await dockerEngine()).docker(['pull', reference]);
  }

  it.each(images.map(({ name }) => name))('docker pulls %s by tag, and gets the digests of the bundle', async (name) => {
    const image = images.find((candidate) => candidate.name === name);
    await pull(`${host}/${name}`);
    const engine = await dockerEngine();
    const inspected = await engine.docker(['image', 'inspect', '--format', '{{json .RepoDigests}} {{.Id}}', `${host}/${name}`]);
    expect(inspected.stdout).toContain(`@${image?.root.digest}`);
    const config = image?.platforms.find(({ platform }) => platform === 'linux/amd64')?.config.digest ?? 'none';
    expect(inspected.stdout).toContain(config);
  });

  it('docker pulls by digest', async () => {
    const [image] = images;
    const repository = image?.name.replace(/:[^:]*$/, '') ?? '';
    await pull(`${host}/${repository}@${image?.root.digest}`);
  });

  it('docker finds docker.io images by their bare name', async () => {
    await pull(`${host}/library/alpha:1.0`);
  });

  it('docker says what is not there', async () => {
    const answer = await (await dockerEngine()).docker(['pull', `${host}/library/absent:1`], { expect: 'any' });
    expect(answer.status).not.toBe(0);
    expect(answer.stderr).toMatch(/not found|unknown/i);
  });

  it('docker goes on with a layer whose transfer broke', async () => {
    const blobs = new MemoryBlobStore();
    const image = putImage(blobs, randomBytes(3_000_000));
    const routes = registryRoutes({
      catalog: memoryCatalog([{ repository: 'docker.io/test/big', tag: 'v1', descriptor: image.manifest }]),
      blobs,
    });
    const ranges: (string | undefined)[] = [];
    const handle: Handler = async (request) => {
      const response = await routes(request);
      if (!request.path.endsWith(image.layer.digest)) return response;
      ranges.push(request.header('range'));
      const { body } = response;
      if (ranges.length > 1 || body === undefined || typeof body === 'string' || !('open' in body)) return response;
      return { ...response, body: { size: body.size, open: async () => broken(await body.open(), 300_000) } };
    };
    const listener = await startListener({ host: '127.0.0.1', port: 0, handle, emit: silent });
    await pull(`127.0.0.1:${listener.port}/test/big:v1`);
    expect(ranges[1]).toMatch(/^bytes=[1-9]\d*-/);
    await listener.close(0);
  });

  it('docker finds out by itself that a depot speaks plain HTTP, and inspects a manifest', async () => {
    const [image] = images;
    const answer = await (await dockerEngine()).docker(['manifest', 'inspect', '--insecure', `${host}/${image?.name}`]);
    expect(answer.stdout).toContain(image?.platforms[0]?.manifest.digest ?? 'none');
  });

  it('openssl and curl are told what a plain port speaks', async () => {
    const hello = await run('openssl', ['s_client', '-connect', host, '-brief']).catch((error: { stderr: string }) => error);
    expect(hello.stderr).toMatch(/http request|wrong version number/i);
    await expect(run('curl', ['--silent', '--show-error', `https://${host}/v2/`])).rejects.toThrow(/SSL|TLS/);
    const raw = await run('curl', ['--silent', '--http0.9', '--request', 'nonsense here', `http://${host}/`]).catch(() => undefined);
    expect(raw?.stdout).toBe('The request is not valid HTTP\n');
  });

  describe('names of registries with a port', () => {
    const spellings = [
      ['harbor.a:8443/team/app', 'harbor.a-8443/team/app'],
      ['harbor.b:8443/team/app', 'harbor.b-8443/team/app'],
      ['localhost:5000/x', 'localhost-5000/x'],
      ['[2001:db8::1]:5000/team/app', '2001-db8-1-5000/team/app'],
    ] as const;
    const blobs = new MemoryBlobStore();
    const built = spellings.map(([repository], index) => ({ repository, image: putImage(blobs, `content ${index}`) }));
    const catalog = memoryCatalog(built.map(({ repository, image }) => ({ repository, tag: '1', descriptor: image.manifest })));
    let listener: Listener;
    beforeAll(async () => {
      listener = await startListener({ host: '127.0.0.1', port: 0, handle: registryRoutes({ catalog, blobs }), emit: silent });
    });
    afterAll(() => listener.close(0));

    it.each(spellings)('docker and skopeo pull %s as %s', async (repository, path) => {
      const digest = built.find((each) => each.repository === repository)?.image.manifest.digest;
      const name = `127.0.0.1:${listener.port}/${path}`;
      await pull(`${name}:1`);
      await pull(`${name}@${digest}`);
      const inspected: unknown = JSON.parse(await skopeo('inspect', '--tls-verify=false', `docker://${name}:1`));
      expect(inspected).toMatchObject({ Digest: digest });
      const refused = await (await dockerEngine()).docker(['pull', `127.0.0.1:${listener.port}/${repository}:1`], { expect: 'any' });
      expect(refused.stderr).toMatch(/invalid reference format/);
    });

    it('skopeo asks a mirror of registries.conf that has the dash', async () => {
      const conf = join(directory, 'registries.conf');
      const location = `127.0.0.1:${listener.port}/harbor.a-8443`;
      await writeFile(
        conf,
        `[[registry]]\nprefix = "harbor.a:8443"\nlocation = "harbor.a:8443"\n[[registry.mirror]]\nlocation = "${location}"\ninsecure = true\n`,
      );
      const inspected: unknown = JSON.parse(
        await skopeo('--registries-conf', conf, 'inspect', '--no-tags', 'docker://harbor.a:8443/team/app:1'),
      );
      expect(inspected).toMatchObject({ Digest: built[0]?.image.manifest.digest });
    });
  });

  it('skopeo inspects an image and lists its tags', async () => {
    const inspected: unknown = JSON.parse(await skopeo('inspect', '--tls-verify=false', `docker://${host}/docker.io/library/alpha:1.0`));
    const image = images.find(({ name }) => name.endsWith('alpha:1.0'));
    expect(inspected).toMatchObject({ Digest: image?.root.digest, RepoTags: ['1.0', 'stable'], Architecture: 'amd64' });
  });

  it('skopeo copies an index with all its platforms, byte for byte', async () => {
    const image = images.find(({ name }) => name.includes('gamma'));
    const target = join(directory, 'gamma');
    await skopeo('copy', '--all', '--preserve-digests', '--src-tls-verify=false', `docker://${host}/${image?.name}`, `oci:${target}:v3`);
    const blobs = await readdir(join(target, 'blobs/sha256'));
    for (const { digest } of [
      image?.root,
      ...(image?.platforms ?? []).flatMap(({ manifest, config, layers }) => [manifest, config, ...layers]),
    ].filter((descriptor) => descriptor !== undefined)) {
      expect(blobs).toContain(digest.slice('sha256:'.length));
    }
  });

  it('skopeo trusts the authority of the site and no other', async () => {
    const authority = await createAuthority({ commonName: 'Site CA', days: 2, clock: systemClock });
    const tls = await issueCertificate(authority, {
      commonName: 'depot',
      dnsNames: ['localhost'],
      addresses: ['127.0.0.1'],
      usages: 'server',
      days: 1,
      clock: systemClock,
    });
    const secure = await startDepot({
      bundles: [join(directory, 'bundle.tar')],
      repositoryKey: await makeRepositoryKey(),
      host: '127.0.0.1',
      port: 0,
      tls,
      emit: silent,
    });
    const [trusted, other] = [await mkdtemp(join(directory, 'certs-')), await mkdtemp(join(directory, 'certs-'))];
    await writeFile(join(trusted, 'ca.crt'), authority.certificate);
    await writeFile(join(other, 'ca.crt'), (await createAuthority({ commonName: 'Site CA', days: 2, clock: systemClock })).certificate);
    const reference = `docker://localhost:${secure.port}/library/alpha:1.0`;
    const raw = await skopeo('inspect', '--raw', '--cert-dir', trusted, reference);
    expect(digestOf(raw)).toBe(images.find(({ name }) => name.endsWith('alpha:1.0'))?.root.digest);
    await expect(skopeo('inspect', '--raw', '--cert-dir', other, reference)).rejects.toThrow(/certificate/);
    const plain = await run('curl', ['--silent', '--write-out', '%{http_code}', `http://127.0.0.1:${secure.port}/v2/`]);
    expect(plain.stdout).toBe('This port speaks TLS, and the request came as plain HTTP: use https://\n400');
    await secure.close(0);
  });
});

/** The first bytes of a stream, and then an error. */
function broken(source: Readable, after: number): Readable {
  return Readable.from(
    (async function* () {
      let sent = 0;
      for await (const chunk of source) {
        yield chunk;
        sent += (chunk as Buffer).byteLength; // the streams of stores give bytes
        if (sent >= after) throw new Error('broken on purpose');
      }
    })(),
  );
}
