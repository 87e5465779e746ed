import { afterEach, describe, expect, it } from 'vitest';
import { digestOf, fixedClock, parsePlatform, type Event } from '../../src/core/index.ts';
import { HttpClient } from '../../src/net/index.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../../src/oci/index.ts';
import { RegistryError, type FindCredentials } from '../../src/registry/index.ts';
import { RegistrySource, type RegistrySourceOptions } from '../../src/sources/index.ts';
import { bytesOf, describeImageSource, SAMPLE_INDEX, SAMPLES } from '../contract/image-source.ts';
import { LoopbackRegistry, sendBroken, sendError, type LoopbackRegistryOptions } from '../support/loopback-registry.ts';
import { useLoopbackServers } from '../support/loopback-server.ts';
import { sampleArtifact } from '../support/sample-artifact.ts';
import { rawDocument, sampleImage, sampleIndex, sampleLayer } from '../support/sample-image.ts';

const AMD64 = parsePlatform('linux/amd64');
const ARM64 = parsePlatform('linux/arm64');
const PLATFORMS = { platforms: [AMD64] };
const BIG = sampleImage([sampleLayer('big', 3_000_000)]);

const startServer = useLoopbackServers();
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function registryWith(options: LoopbackRegistryOptions = {}): Promise<LoopbackRegistry> {
  const registry = await LoopbackRegistry.start(options);
  open.push(registry);
  registry.put('team/app', '1', SAMPLES.amd64);
  registry.put('team/app', 'index', SAMPLE_INDEX);
  registry.put('team/big', '1', BIG);
  return registry;
}

function sourceOf(options: Partial<RegistrySourceOptions> = {}): { source: RegistrySource; events: Event[] } {
  const events: Event[] = [];
  const http = new HttpClient({ emit: (event) => events.push(event), sleep: async () => {} });
  open.push(http);
  return { source: new RegistrySource({ http, emit: (event) => events.push(event), ...options }), events };
}

function login(username: string, password: string): FindCredentials {
  return async () => ({ type: 'password', username, password });
}

describeImageSource('a registry', async () => {
  const registry = await LoopbackRegistry.start();
  registry.put('team/app', '1', SAMPLES.amd64);
  registry.put('team/app', 'index', SAMPLE_INDEX);
  const http = new HttpClient();
  return {
    source: new RegistrySource({ http }),
    image: `${registry.host}/team/app:1`,
    index: `${registry.host}/team/app:index`,
    absent: `${registry.host}/team/app:absent`,
    close: async () => {
      await http.close();
      await registry.close();
    },
  };
});

describe('resolving', () => {
  it('keeps an index that the reference pins by digest, with one platform of it', async () => {
    const registry = await registryWith();
    const { source } = sourceOf();
    const { root, documents } = await source.resolve(`${registry.host}/team/app:any@${SAMPLE_INDEX.descriptor.digest}`, PLATFORMS);
    expect(root).toEqual(SAMPLE_INDEX.descriptor);
    expect(documents).toEqual([SAMPLE_INDEX.descriptor, SAMPLES.amd64.descriptor]);
  });

  it('asks for each manifest once, by one GET', async () => {
    const registry = await registryWith();
    const { source } = sourceOf();
    const reference = `${registry.host}/team/app:index`;
    const { manifests } = await source.resolve(reference, PLATFORMS);
    for (const { manifest } of manifests) await bytesOf(await source.openBlob(reference, manifest));
    expect(registry.asked('/manifests/').map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /v2/team/app/manifests/index',
      `GET /v2/team/app/manifests/${SAMPLES.amd64.descriptor.digest}`,
    ]);
    expect(registry.asked('/manifests/')[0]?.headers.accept).toContain(OCI_INDEX);
  });

  it('asks for a configuration once, to look at it and to give it away, whole or from an offset on', async () => {
    const registry = await registryWith();
    const { source } = sourceOf();
    const reference = `${registry.host}/team/app:1`;
    const [first] = await Promise.all([source.resolve(reference, PLATFORMS), source.resolve(reference, PLATFORMS)]);
    const config = first.manifests[0]?.config;
    if (config === undefined) throw new Error('the image has a configuration');
    const whole = await bytesOf(await source.openBlob(reference, config));
    expect(digestOf(whole)).toBe(config.digest);
    expect(registry.asked(`/blobs/${config.digest}`)).toHaveLength(1);

    await source.resolve(reference, PLATFORMS);
    expect(await bytesOf(await source.openBlob(reference, config, { offset: 7 }))).toEqual(whole.subarray(7));
    expect(registry.asked(`/blobs/${config.digest}`)).toHaveLength(2);
  });

  it('names all platforms that are missing and all that there are, attestations left out', async () => {
    const registry = await registryWith();
    const attestation = { document: SAMPLES.arm64, platform: { os: 'unknown', architecture: 'unknown' } };
    registry.put('team/app', 'one', sampleIndex([{ document: SAMPLES.amd64, platform: AMD64 }, attestation]));
    const asked = { platforms: [AMD64, ARM64, parsePlatform('linux/riscv64')] };
    await expect(sourceOf().source.resolve(`${registry.host}/team/app:one`, asked)).rejects.toMatchObject({
      code: 'IMAGE_PLATFORM_MISSING',
      exitStatus: 5,
      message: `Cannot use "${registry.host}/team/app:one" for "linux/arm64", "linux/riscv64": it exists for linux/amd64`,
    });
  });

  it('finds a platform in a nested index and keeps the indexes on the way', async () => {
    const registry = await registryWith();
    const inner = sampleIndex([{ document: SAMPLES.arm64, platform: ARM64 }], 'docker');
    const outer = sampleIndex([{ document: SAMPLES.amd64, platform: AMD64 }, { document: inner }]);
    registry.put('team/app', 'nested', outer);
    const { documents } = await sourceOf().source.resolve(`${registry.host}/team/app:nested`, { platforms: [AMD64, ARM64] });
    expect(documents.map(({ digest }) => digest)).toEqual(
      [outer, SAMPLES.amd64, inner, SAMPLES.arm64].map(({ descriptor }) => descriptor.digest),
    );
  });

  it('looks into the configuration of entries that name no platform', async () => {
    const registry = await registryWith();
    registry.put('team/app', 'bare', sampleIndex([{ document: SAMPLES.arm64 }, { document: SAMPLES.amd64 }]));
    const { root } = await sourceOf().source.resolve(`${registry.host}/team/app:bare`, PLATFORMS);
    expect(root).toEqual(SAMPLES.amd64.descriptor);
  });

  it('does not follow indexes without end', async () => {
    const registry = await registryWith();
    let nested = sampleIndex([{ document: SAMPLES.amd64, platform: AMD64 }]);
    for (let depth = 0; depth < 8; depth += 1) nested = sampleIndex([{ document: nested }]);
    registry.put('team/app', 'deep', nested);
    await expect(sourceOf().source.resolve(`${registry.host}/team/app:deep`, PLATFORMS)).rejects.toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
      message: expect.stringContaining('nested too deep'),
    });
  });

  it('takes an artifact whole, whatever the platforms, with the type that registries tell', async () => {
    const registry = await registryWith();
    const typed = sampleArtifact({ artifactType: 'application/vnd.example.policy', files: { a: 'a', b: 'b' } });
    const chart = sampleArtifact({ configType: 'application/vnd.cncf.helm.config.v1+json', config: '{"name":"web"}', files: {} });
    registry.put('team/app', 'policy', typed);
    registry.put('team/app', 'chart', chart);
    registry.put('team/app', 'both', sampleIndex([{ document: sampleIndex([{ document: typed }]) }, { document: chart }]));
    const resolve = async (tag: string) => sourceOf().source.resolve(`${registry.host}/team/app:${tag}`, { platforms: [AMD64] });
    const policy = await resolve('policy');
    expect(policy).toMatchObject({ root: typed.descriptor, documents: [typed.descriptor], manifests: [] });
    expect(policy.artifacts).toMatchObject([{ artifactType: 'application/vnd.example.policy', manifest: typed.descriptor }]);
    expect(policy.artifacts?.[0]?.blobs.map(({ digest }) => digest)).toEqual(['{}', 'a', 'b'].map((text) => digestOf(text)));
    expect((await resolve('chart')).artifacts).toMatchObject([{ artifactType: 'application/vnd.cncf.helm.config.v1+json' }]);
    const index = await resolve('both');
    expect(index.artifacts?.map(({ manifest }) => manifest)).toEqual([typed.descriptor, chart.descriptor]);
    expect(index.documents).toHaveLength(4);
  });

  it('refuses an image that names no platform, and an index of it', async () => {
    const registry = await registryWith();
    const bare = sampleArtifact({ configType: OCI_CONFIG, artifactType: 'application/vnd.example.policy', files: {} });
    registry.put('team/app', 'bare-image', bare);
    registry.put('team/app', 'listed', sampleIndex([{ document: sampleArtifact({ files: { a: 'a' } }) }, { document: bare }]));
    for (const tag of ['bare-image', 'listed'])
      await expect(sourceOf().source.resolve(`${registry.host}/team/app:${tag}`, PLATFORMS)).rejects.toMatchObject({
        code: 'IMAGE_UNSUPPORTED',
        message: expect.stringContaining('is not a container image'),
      });
  });

  it('refuses schema 1 by name', async () => {
    const registry = await registryWith();
    const type = 'application/vnd.docker.distribution.manifest.v1+prettyjws';
    registry.put('team/app', 'old', rawDocument(Buffer.from('{"schemaVersion":1,"fsLayers":[]}'), type));
    await expect(sourceOf().source.resolve(`${registry.host}/team/app:old`, PLATFORMS)).rejects.toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
      message: expect.stringContaining(`"${registry.host}/team/app:old"`),
    });
  });

  it('refuses a manifest larger than 4 MiB without reading it', async () => {
    const registry = await registryWith();
    let sent = 0;
    registry.intercept = (request, response) => {
      if (!(request.url ?? '').includes('/manifests/')) return false;
      const timer = setInterval(() => {
        sent += 1;
        response.write(Buffer.alloc(1024 * 1024, ' '));
      }, 1);
      response.on('close', () => clearInterval(timer));
      return true;
    };
    await expect(sourceOf().source.resolve(`${registry.host}/team/app:1`, PLATFORMS)).rejects.toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
      message: expect.stringContaining('larger than 4 MiB'),
    });
    expect(sent).toBeLessThan(100);
  });

  it('refuses another document than the digest asked for', async () => {
    const registry = await registryWith();
    registry.intercept = (request, response) => {
      if (!(request.url ?? '').includes('/manifests/sha256')) return false;
      response.writeHead(200, { 'content-type': OCI_MANIFEST }).end(SAMPLES.arm64.bytes);
      return true;
    };
    await expect(sourceOf().source.resolve(`${registry.host}/team/app:index`, PLATFORMS)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });

  it('refuses an index that lies about a size', async () => {
    const registry = await registryWith();
    const { descriptor } = SAMPLES.amd64;
    const lying = sampleIndex([{ document: { ...SAMPLES.amd64, descriptor: { ...descriptor, size: 5 } }, platform: AMD64 }]);
    registry.put('team/app', 'lying', lying);
    await expect(sourceOf().source.resolve(`${registry.host}/team/app:lying`, PLATFORMS)).rejects.toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
    });
  });

  it('trusts the bytes, not the announced digest, and says so', async () => {
    const registry = await registryWith();
    registry.intercept = (request, response) => {
      if (!(request.url ?? '').endsWith('/manifests/1')) return false;
      response.writeHead(200, { 'docker-content-digest': digestOf('other'), 'content-type': 'text/plain' }).end(SAMPLES.amd64.bytes);
      return true;
    };
    const { source, events } = sourceOf();
    expect((await source.resolve(`${registry.host}/team/app:1`, PLATFORMS)).root).toEqual(SAMPLES.amd64.descriptor);
    expect(events).toContainEqual({ type: 'warning', message: expect.stringContaining(digestOf('other')) });
  });

  it('carries the status and the words of a refusal', async () => {
    const registry = await registryWith();
    const failing = sourceOf().source.resolve(`${registry.host}/team/none:1`, PLATFORMS);
    await expect(failing).rejects.toBeInstanceOf(RegistryError);
    await expect(failing).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      status: 404,
      diagnostics: [{ code: 'NAME_UNKNOWN', message: 'test says name_unknown' }],
      message: `Cannot find "${registry.host}/team/none:1": "${registry.origin}/v2/team/none/manifests/1" answered 404 (NAME_UNKNOWN: test says name_unknown)`,
    });
  });
});

describe('logging in', () => {
  it('fetches one anonymous token and uses it for all of a repository', async () => {
    const registry = await registryWith({ auth: { type: 'bearer' } });
    const { source } = sourceOf();
    const reference = `${registry.host}/team/app:1`;
    const { manifests } = await source.resolve(reference, PLATFORMS);
    await Promise.all((manifests[0]?.layers ?? []).map(async (layer) => bytesOf(await source.openBlob(reference, layer))));
    expect(registry.asked('/token')).toHaveLength(1);
    expect(registry.asked('/token')[0]?.url).toContain(`scope=${encodeURIComponent('repository:team/app:pull')}`);
    expect(registry.asked('/token')[0]?.headers.authorization).toBeUndefined();
    expect(registry.requests.filter(({ url, headers }) => url === '/v2/' || headers.authorization !== undefined)).toHaveLength(5);
  });

  it('shows its password to the token service alone', async () => {
    const registry = await registryWith({ auth: { type: 'bearer', username: 'user', password: 'pa:ss' } });
    const { source } = sourceOf({ findCredentials: login('user', 'pa:ss') });
    await source.resolve(`${registry.host}/team/app:1`, PLATFORMS);
    const withPassword = registry.requests.filter(({ headers }) => headers.authorization?.startsWith('Basic'));
    expect(withPassword.map(({ url }) => new URL(url, registry.origin).pathname)).toEqual(['/token']);
    expect(withPassword[0]?.url).toContain('account=user');
  });

  it('answers a Basic challenge', async () => {
    const registry = await registryWith({ auth: { type: 'basic', username: 'user', password: 'pass' } });
    const { source } = sourceOf({ findCredentials: login('user', 'pass') });
    expect((await source.resolve(`${registry.host}/team/app:1`, PLATFORMS)).root).toEqual(SAMPLES.amd64.descriptor);
  });

  it.each(['bearer', 'basic'] as const)('names the login command when %s credentials are missing or wrong', async (type) => {
    const registry = await registryWith({ auth: { type, username: 'user', password: 'pass' } });
    const logins = { command: 'docker login', files: ['/home/u/.docker/config.json'] };
    for (const find of [async () => undefined, login('user', 'wrong')]) {
      const findCredentials = Object.assign((repository: string) => find(repository), { logins });
      await expect(sourceOf({ findCredentials }).source.resolve(`${registry.host}/team/app:1`, PLATFORMS)).rejects.toMatchObject({
        code: 'AUTH_FAILED',
        exitStatus: 5,
        hint: expect.stringContaining(`docker login ${registry.host} (the login is read from "/home/u/.docker/config.json")`),
      });
    }
    expect(registry.requests.length).toBeLessThan(20);
  });

  it('gets a new token when the old one is refused', async () => {
    const registry = await registryWith({ auth: { type: 'bearer' } });
    const { source } = sourceOf();
    const reference = `${registry.host}/team/big:1`;
    await source.resolve(reference, PLATFORMS);
    registry.revokeTokens();
    const [layer] = BIG.layers;
    if (layer === undefined) throw new Error('The sample has no layer');
    for (const again of [1, 2]) {
      expect(digestOf(await bytesOf(await source.openBlob(reference, layer))), `time ${again}`).toBe(layer.digest);
    }
    expect(registry.asked('/token')).toHaveLength(2);
    expect(registry.asked('/blobs/')).toHaveLength(4);
  });

  it('renews a token before it ends', async () => {
    const registry = await registryWith({ auth: { type: 'bearer' } });
    let now = 0;
    const { source } = sourceOf({ clock: { ...fixedClock(0), monotonic: () => now } });
    await source.resolve(`${registry.host}/team/app:1`, PLATFORMS);
    now = 239_000;
    await source.resolve(`${registry.host}/team/app:1`, PLATFORMS);
    expect(registry.asked('/token')).toHaveLength(1);
    now = 241_000;
    await source.resolve(`${registry.host}/team/app:1`, PLATFORMS);
    expect(registry.asked('/token')).toHaveLength(2);
  });

  it('exchanges an identity token by POST', async () => {
    const registry = await registryWith({ auth: { type: 'bearer' } });
    const forms: string[] = [];
    registry.intercept = (request) => {
      if (request.method === 'POST') request.on('data', (chunk: Buffer) => forms.push(chunk.toString()));
      return false;
    };
    const { source } = sourceOf({ findCredentials: async () => ({ type: 'identity', token: 'refresh-me' }) });
    await expect(source.resolve(`${registry.host}/team/app:1`, PLATFORMS)).rejects.toMatchObject({ code: 'AUTH_FAILED' });
    expect(registry.asked('/token')[0]).toMatchObject({ method: 'POST', url: '/token' });
    expect(Object.fromEntries(new URLSearchParams(forms[0]))).toMatchObject({
      grant_type: 'refresh_token',
      refresh_token: 'refresh-me',
      scope: 'repository:team/app:pull',
    });
  });

  it.each(['http://token.example.com/token', 'nonsense', ''])('does not log in at %j, where a registry may not send it', async (realm) => {
    const registry = await registryWith();
    registry.intercept = (_, response) => {
      response.setHeader('www-authenticate', `Bearer realm="${realm}"`);
      sendError(response, 401, 'UNAUTHORIZED');
      return true;
    };
    const http = new HttpClient({ sleep: async () => {}, retryDelaysMs: [] });
    open.push(http);
    await expect(new RegistrySource({ http }).resolve(`${registry.host}/team/app:1`, PLATFORMS)).rejects.toMatchObject({
      exitStatus: 5,
    });
  });

  it('never shows credentials to a server that blobs are redirected to, whatever it asks for', async () => {
    const registry = await registryWith({ auth: { type: 'bearer', username: 'user', password: 'pass' } });
    const [layer] = BIG.layers;
    if (layer === undefined) throw new Error('The sample has no layer');
    let tokens = 0;
    const stranger = await startServer((request, response) => {
      if ((request.url ?? '').startsWith('/token')) {
        tokens += 1;
        response.end('{"token":"of-the-stranger"}');
      } else if (request.headers.authorization === 'Bearer of-the-stranger') response.end(BIG.blobs.get(layer.digest));
      else response.writeHead(401, { 'www-authenticate': `Bearer realm="${stranger.origin}/token",service="x"` }).end();
    });
    registry.intercept = (request, response) => {
      if (!(request.url ?? '').includes('/blobs/') || request.headers.authorization === undefined) return false;
      response.writeHead(307, { location: `${stranger.origin}/signed?x=y` }).end();
      return true;
    };
    const { source } = sourceOf({ findCredentials: login('user', 'pass') });
    expect(digestOf(await bytesOf(await source.openBlob(`${registry.host}/team/big:1`, layer)))).toBe(layer.digest);
    expect(tokens).toBe(1);
    const shown = stranger.requests.map(({ headers }) => headers.authorization);
    expect(shown).toEqual([undefined, undefined, 'Bearer of-the-stranger']);
  });
});

describe('mirrors', () => {
  it('asks the mirror in place of the registry and never shows it the credentials of the upstream', async () => {
    const mirror = await registryWith();
    mirror.put('library/nginx', '1', SAMPLES.amd64);
    const asked: string[] = [];
    const { source } = sourceOf({
      mirrors: new Map([['docker.io', new URL(mirror.origin)]]),
      findCredentials: async (repository) => {
        asked.push(repository);
        return undefined;
      },
    });
    expect((await source.resolve('nginx:1', PLATFORMS)).root).toEqual(SAMPLES.amd64.descriptor);
    expect(source.describe('nginx:1')).toBe(`${mirror.origin}/v2/library/nginx/manifests/1`);
    expect(mirror.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    expect(asked.filter((name) => name.startsWith('docker.io'))).toEqual([]);
  });

  it('looks up the credentials of the mirror itself', async () => {
    const mirror = await registryWith({ auth: { type: 'basic', username: 'mirror', password: 'pass' } });
    mirror.put('hub/library/nginx', '1', SAMPLES.amd64);
    const { source } = sourceOf({
      mirrors: new Map([['docker.io', `${mirror.origin}/v2/hub`]]),
      findCredentials: async (repository) =>
        repository === `${mirror.host}/hub/library/nginx` ? { type: 'password', username: 'mirror', password: 'pass' } : undefined,
    });
    expect((await source.resolve('nginx:1', PLATFORMS)).root).toEqual(SAMPLES.amd64.descriptor);
  });

  it('describes the address of a registry without a mirror', () => {
    const { source } = sourceOf();
    expect(source.describe('nginx')).toBe('https://registry-1.docker.io/v2/library/nginx/manifests/latest');
    expect(source.describe('quay.io/a/b:1')).toBe('https://quay.io/v2/a/b/manifests/1');
    expect(source.describe('localhost:5000/a:1')).toBe('http://localhost:5000/v2/a/manifests/1');
  });
});

describe('blobs', () => {
  const [layer] = BIG.layers;
  if (layer === undefined) throw new Error('The sample has no layer');
  const content = BIG.blobs.get(layer.digest) ?? Buffer.alloc(0);

  it('go on where the connection broke, with a fresh redirect', async () => {
    const registry = await registryWith();
    const cdn = await startServer((request, response) => {
      if (cdn.requests.length < 3) sendBroken(request, response, content, 1_100_000);
      else
        response
          .writeHead(206, { 'content-range': `bytes ${/\d+/.exec(request.headers.range ?? '')?.[0]}-${content.byteLength - 1}/*` })
          .end(content.subarray(Number(/\d+/.exec(request.headers.range ?? '')?.[0])));
    });
    registry.intercept = (request, response, count) => {
      if (!(request.url ?? '').includes('/blobs/')) return false;
      response.writeHead(302, { location: `${cdn.origin}/signed?once=${count}` }).end();
      return true;
    };
    const { source, events } = sourceOf();
    expect(digestOf(await bytesOf(await source.openBlob(`${registry.host}/team/big:1`, layer)))).toBe(layer.digest);
    expect(cdn.requests.map(({ url }) => url)).toEqual(['/signed?once=1', '/signed?once=2', '/signed?once=3']);
    expect(events.filter(({ type }) => type === 'retry')).toHaveLength(2);
  });

  it('are refused by name when the registry does not have them', async () => {
    const registry = await registryWith();
    const missing = { ...layer, digest: digestOf('missing') };
    await expect(sourceOf().source.openBlob(`${registry.host}/team/big:1`, missing)).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      message: expect.stringContaining(`blob "${digestOf('missing')}" of "${registry.host}/team/big"`),
    });
  });

  it('that a redirect target refuses do not send anyone to log in', async () => {
    const registry = await registryWith();
    const cdn = await startServer((_, response) => response.writeHead(403).end('<Error>expired</Error>'));
    registry.intercept = (request, response) => {
      if (!(request.url ?? '').includes('/blobs/')) return false;
      response.writeHead(302, { location: `${cdn.origin}/signed?signature=abc` }).end();
      return true;
    };
    await expect(sourceOf().source.openBlob(`${registry.host}/team/big:1`, layer)).rejects.toMatchObject({
      code: 'FETCH_FAILED',
      status: 403,
      message: expect.stringContaining(`"${cdn.origin}/signed" answered 403`),
      hint: undefined,
    });
  });

  it('of no bytes need no request', async () => {
    const registry = await registryWith();
    const empty = { mediaType: 'application/x', digest: digestOf(''), size: 0 };
    expect(await bytesOf(await sourceOf().source.openBlob(`${registry.host}/team/big:1`, empty))).toHaveLength(0);
    expect(registry.requests).toHaveLength(0);
  });

  it('wait for a registry that is busy', async () => {
    const registry = await registryWith();
    registry.intercept = (request, response, count) => {
      if (!(request.url ?? '').includes('/blobs/') || count > 1) return false;
      response.setHeader('retry-after', '1');
      sendError(response, 429, 'TOOMANYREQUESTS');
      return true;
    };
    const { source, events } = sourceOf();
    expect(digestOf(await bytesOf(await source.openBlob(`${registry.host}/team/big:1`, layer)))).toBe(layer.digest);
    expect(events).toContainEqual(expect.objectContaining({ type: 'retry', delayMs: 1000 }));
  });
});
