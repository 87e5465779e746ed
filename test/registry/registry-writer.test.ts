import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf, type Event } from '../../src/core/index.ts';
import { HttpClient } from '../../src/net/index.ts';
import { endpointOf, parseDockerConfig, RegistryWriter, type BlobContent, type RegistryWriterOptions } from '../../src/registry/index.ts';
import { LoopbackRegistry, sendError, type LoopbackRegistryOptions } from '../support/loopback-registry.ts';
import { randomBytesOf, sampleImage, sampleLayer } from '../support/sample-image.ts';

const CHUNK = 1_000_000;
const large = randomBytesOf('large', 3_500_000);
const small = randomBytesOf('small', 5000);

let registry: LoopbackRegistry;
let http: HttpClient;
let writer: RegistryWriter;
let slept: number[];
let events: Event[];

function blobOf(bytes: Buffer, digest = digestOf(bytes)): BlobContent {
  return {
    digest,
    size: bytes.byteLength,
    open: async ({ start, end }) => Readable.from(pieces(bytes.subarray(start, end)), { objectMode: false }),
  };
}

function credentials(): Partial<RegistryWriterOptions> {
  return {
    // The port is not known before the registry runs.
    findCredentials: async (repository) => {
      const auth = Buffer.from('user:secret').toString('base64');
      return parseDockerConfig(JSON.stringify({ auths: { [registry.host]: { auth } } }), 'config.json')(repository);
    },
  };
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.byteLength; at += 100_000) yield bytes.subarray(at, at + 100_000);
}

async function start(options: LoopbackRegistryOptions = {}, more: Partial<RegistryWriterOptions> = {}): Promise<void> {
  registry = await LoopbackRegistry.start(options);
  const sleep = async (milliseconds: number): Promise<void> => void slept.push(milliseconds);
  http = new HttpClient({ sleep });
  writer = new RegistryWriter(endpointOf(registry.host, new Map()), {
    http,
    chunkSize: CHUNK,
    sleep,
    emit: (event) => events.push(event),
    ...more,
  });
}

async function stop(): Promise<void> {
  await http.close();
  await registry.close();
}

/** Method and content-range of what was sent into uploads. */
function sent(): string[] {
  return registry.asked('/blobs/uploads/').map(({ method, headers }) => [method, headers['content-range']].filter(Boolean).join(' '));
}

beforeEach(async () => {
  slept = [];
  events = [];
  await start();
});
afterEach(stop);

describe('a blob', () => {
  it('is asked for by its digest and size', async () => {
    registry.put('team/app', '1', sampleImage([sampleLayer('a')]));
    const [digest, bytes] = [...sampleImage([sampleLayer('a')]).blobs][0] ?? [];
    if (digest === undefined || bytes === undefined) throw new Error('The sample has no blob');
    expect(await writer.hasBlob('team/app', { digest, size: bytes.byteLength })).toBe(true);
    expect(await writer.hasBlob('team/app', { digest, size: bytes.byteLength + 1 })).toBe(false);
    expect(await writer.hasBlob('team/other', { digest, size: bytes.byteLength })).toBe(false);
    expect(registry.requests.slice(1).map(({ method }) => method)).toEqual(['HEAD', 'HEAD', 'HEAD']);
  });

  it('goes in chunks, each with its place, and is ended with its digest', async () => {
    const positions: number[] = [];
    await writer.pushBlob('team/app', blobOf(large), { onProgress: (position) => positions.push(position) });
    expect(registry.contentOf('team/app', digestOf(large))?.equals(large)).toBe(true);
    expect(sent()).toEqual(['POST', 'PATCH 0-999999', 'PATCH 1000000-1999999', 'PATCH 2000000-2999999', 'PATCH 3000000-3499999', 'PUT']);
    expect(positions).toEqual([1_000_000, 2_000_000, 3_000_000, 3_500_000, 3_500_000]);
  });

  it('goes with the request that ends the upload when it is small, also when it is empty', async () => {
    await writer.pushBlob('team/app', blobOf(small));
    await writer.pushBlob('team/app', blobOf(Buffer.alloc(0)));
    expect(registry.contentOf('team/app', digestOf(small))?.equals(small)).toBe(true);
    expect(registry.contentOf('team/app', digestOf(''))?.equals(Buffer.alloc(0))).toBe(true);
    expect(sent()).toEqual(['POST', 'PUT', 'POST', 'PUT']);
  });

  it('goes in larger chunks when the registry wants that', async () => {
    registry.uploads.behaviour.shortestChunk = 2_000_000;
    await writer.pushBlob('team/app', blobOf(large));
    expect(sent()).toEqual(['POST', 'PATCH 0-1999999', 'PATCH 2000000-3499999', 'PUT']);
  });

  it('is mounted from another repository', async () => {
    await writer.pushBlob('team/app', blobOf(small));
    expect(await writer.mountBlob('team/other', 'team/app', digestOf(small))).toBe('mounted');
    expect(registry.contentOf('team/other', digestOf(small))?.equals(small)).toBe(true);
  });

  it('goes into the upload that a registry begins instead of a mount', async () => {
    registry.uploads.behaviour.mounts = false;
    await writer.pushBlob('team/app', blobOf(large));
    const session = await writer.mountBlob('team/other', 'team/app', digestOf(large));
    if (session === undefined || session === 'mounted') throw new Error('A session was wanted');
    await writer.pushBlob('team/other', blobOf(large), { session });
    expect(registry.contentOf('team/other', digestOf(large))?.equals(large)).toBe(true);
    expect(sent().filter((request) => request === 'POST')).toHaveLength(2);
  });

  it.each([404, 405, 401])('is simply uploaded where a mount is answered with %d', async (status) => {
    registry.intercept = (request, response) => {
      if (!(request.url ?? '').includes('mount=')) return false;
      sendError(response, status, 'UNSUPPORTED');
      return true;
    };
    expect(await writer.mountBlob('team/other', 'team/app', digestOf(small))).toBeUndefined();
  });
});

describe('an upload that is disturbed', () => {
  it('goes on where the registry stands when the connection breaks in the middle of a chunk', async () => {
    registry.uploads.behaviour.breaks = [300_000, 700_000];
    await writer.pushBlob('team/app', blobOf(large));
    expect(registry.contentOf('team/app', digestOf(large))?.equals(large)).toBe(true);
    expect(sent()).toEqual([
      'POST',
      'PATCH 0-999999',
      'GET',
      'PATCH 300000-1299999',
      'GET',
      'PATCH 1000000-1999999',
      'PATCH 2000000-2999999',
      'PATCH 3000000-3499999',
      'PUT',
    ]);
    // No byte that had arrived was sent again.
    expect(registry.uploads.received).toBe(large.byteLength);
    expect(events.filter(({ type }) => type === 'retry')).toHaveLength(2);
  });

  it('gives up when it makes no progress any more, naming the reason', async () => {
    registry.uploads.behaviour.breaks = Array<number>(20).fill(0);
    await expect(writer.pushBlob('team/app', blobOf(large))).rejects.toMatchObject({
      code: 'FETCH_FAILED',
      message: expect.stringMatching(/^Cannot send to "http:.*the connection was/),
    });
    expect(slept).toEqual([500, 2000, 6000]);
  });

  it('starts the blob anew when the registry has lost the upload', async () => {
    registry.intercept = (request) => {
      if (request.headers['content-range'] === '2000000-2999999') registry.uploads.loseSessions();
      return false;
    };
    await writer.pushBlob('team/app', blobOf(large));
    expect(registry.contentOf('team/app', digestOf(large))?.equals(large)).toBe(true);
    expect(sent()).toEqual(['POST', 'PATCH 0-999999', 'PATCH 1000000-1999999', 'PATCH 2000000-2999999', 'POST', 'PATCH', 'PUT']);
  });

  it('sends the blob as one stream to a registry without chunks', async () => {
    registry.uploads.behaviour.knowsChunks = false;
    await writer.pushBlob('team/app', blobOf(large));
    expect(sent()).toEqual(['POST', 'PATCH 0-999999', 'POST', 'PATCH', 'PUT']);
  });

  it('goes to the place that the registry names after 416', async () => {
    let skipped = false;
    registry.intercept = (request, response) => {
      if (skipped || request.headers['content-range'] !== '1000000-1999999') return false;
      skipped = true;
      request.resume();
      response.writeHead(416).end();
      return true;
    };
    await writer.pushBlob('team/app', blobOf(large));
    expect(registry.contentOf('team/app', digestOf(large))?.equals(large)).toBe(true);
    expect(sent().filter((request) => request === 'POST')).toHaveLength(2);
  });

  it('waits as long as a busy registry asks, then asks where it stands', async () => {
    let busy = 2;
    registry.intercept = (request, response) => {
      if (request.method !== 'PATCH' || busy === 0) return false;
      busy -= 1;
      request.resume();
      response.writeHead(429, { 'retry-after': '7' }).end();
      return true;
    };
    await writer.pushBlob('team/app', blobOf(large));
    expect(slept).toEqual([7000, 7000]);
    expect(registry.contentOf('team/app', digestOf(large))?.equals(large)).toBe(true);
  });

  it('does not wait for hours', async () => {
    registry.intercept = (request, response) => {
      if (request.method !== 'PATCH') return false;
      request.resume();
      response.writeHead(429, { 'retry-after': '7200' }).end();
      return true;
    };
    await expect(writer.pushBlob('team/app', blobOf(large))).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });

  it('takes a blob for done when only the last answer was lost', async () => {
    let lost = false;
    registry.intercept = (request, response) => {
      if (lost || request.method !== 'PUT') return false;
      lost = true;
      // The registry does its work; the connection dies before it can say so.
      response.end = () => request.socket.destroy() as never;
      return false;
    };
    await writer.pushBlob('team/app', blobOf(large));
    expect(sent().filter((request) => request === 'PUT')).toHaveLength(1);
    expect(registry.requests.at(-1)?.method).toBe('HEAD');
  });

  it('never calls the registry wrong for what is damaged here, and commits nothing of it', async () => {
    for (const bytes of [small, large]) {
      const damaged = Buffer.from(bytes);
      damaged[10] = (damaged[10] ?? 0) ^ 1;
      await expect(writer.pushBlob('team/app', blobOf(damaged, digestOf(bytes)))).rejects.toMatchObject({
        code: 'DIGEST_MISMATCH',
        hint: expect.stringContaining('caisson verify'),
      });
    }
    expect(sent()).not.toContain('PUT');
  });
});

describe('the address of an upload', () => {
  it('may be on another host, which gets no credentials', async () => {
    await stop();
    await start({ auth: { type: 'basic', username: 'user', password: 'secret' } }, credentials());
    const store = await LoopbackRegistry.start();
    try {
      store.intercept = (request, response) => {
        request.resume();
        request.on('end', () => response.writeHead(request.method === 'PUT' ? 201 : 202).end());
        return true;
      };
      registry.uploads.behaviour.locationBase = store.origin;
      await writer.pushBlob('team/app', blobOf(large));
      expect(store.requests.map(({ method }) => method)).toEqual(['PATCH', 'PATCH', 'PATCH', 'PATCH', 'PUT']);
      expect(store.requests.map(({ headers }) => headers.authorization)).toEqual(Array(5).fill(undefined));
    } finally {
      await store.close();
    }
  });

  it('must be there', async () => {
    registry.intercept = (request, response) => {
      if (request.method !== 'POST') return false;
      response.writeHead(202).end();
      return true;
    };
    await expect(writer.pushBlob('team/app', blobOf(small))).rejects.toMatchObject({
      code: 'FETCH_FAILED',
      message: expect.stringContaining('did not say where'),
    });
  });
});

describe('logging in', () => {
  it('asks for a token that may push, and for the source of a mount, too', async () => {
    await stop();
    await start({ auth: { type: 'bearer', username: 'user', password: 'secret' } }, credentials());
    await writer.pushBlob('team/app', blobOf(small));
    expect(await writer.mountBlob('team/other', 'team/app', digestOf(small))).toBe('mounted');
    const scopes = registry.asked('/token').map(({ url }) => new URL(url, registry.origin).searchParams.getAll('scope'));
    expect(scopes).toEqual([['repository:team/app:pull,push'], ['repository:team/other:pull,push', 'repository:team/app:pull']]);
  });

  it('renews a token in the middle of an upload', async () => {
    await stop();
    await start({ auth: { type: 'bearer', username: 'user', password: 'secret' } }, credentials());
    let revoked = false;
    registry.intercept = (request) => {
      if (!revoked && request.headers['content-range'] === '2000000-2999999') {
        revoked = true;
        registry.revokeTokens();
      }
      return false;
    };
    await writer.pushBlob('team/app', blobOf(large));
    expect(registry.contentOf('team/app', digestOf(large))?.equals(large)).toBe(true);
  });

  it('names the command to log in with when it is refused', async () => {
    await stop();
    await start({ auth: { type: 'basic', username: 'user', password: 'secret' } });
    await expect(writer.pushBlob('team/app', blobOf(small))).rejects.toMatchObject({
      code: 'AUTH_FAILED',
      hint: `It needs a login that may push there: docker login ${registry.host}`,
    });
  });
});

describe('a refusal', () => {
  it.each([
    [404, 'NAME_UNKNOWN', /make the project first/],
    [413, 'TOO_LARGE', /client_max_body_size/],
    [405, 'UNSUPPORTED', /can only be read/],
  ])('with %d says what the registry said and what to do', async (status, code, hint) => {
    registry.intercept = (request, response) => {
      if (request.method !== 'POST') return false;
      sendError(response, status, code);
      return true;
    };
    await expect(writer.pushBlob('team/app', blobOf(small))).rejects.toMatchObject({
      code: 'PUSH_REFUSED',
      message: expect.stringContaining(`answered ${status} (${code}: test says`),
      hint: expect.stringMatching(hint),
    });
  });
});

describe('a manifest', () => {
  const image = sampleImage([sampleLayer('app')]);

  it('is stored under its tag, byte for byte, and found by it', async () => {
    for (const bytes of image.blobs.values()) await writer.pushBlob('team/app', blobOf(bytes));
    expect(await writer.findManifest('team/app', '1')).toBeUndefined();
    await writer.putManifest('team/app', '1', image.descriptor, image.bytes);
    expect(registry.contentOf('team/app', image.descriptor.digest)).toEqual(image.bytes);
    expect(await writer.findManifest('team/app', '1')).toBe(image.descriptor.digest);
  });

  it('is hashed when the registry does not announce a digest', async () => {
    registry.put('team/app', '1', image);
    registry.intercept = (request, response) => {
      if (!(request.url ?? '').includes('/manifests/')) return false;
      response.writeHead(200, { 'content-type': image.descriptor.mediaType });
      response.end(request.method === 'HEAD' ? undefined : image.bytes);
      return true;
    };
    expect(await writer.findManifest('team/app', '1')).toBe(image.descriptor.digest);
  });

  it('must not be changed by the registry', async () => {
    const other = sampleImage([sampleLayer('other')]).descriptor.digest;
    registry.intercept = (request, response) => {
      if (request.method !== 'PUT') return false;
      request.resume();
      response.writeHead(201, { 'docker-content-digest': other }).end();
      return true;
    };
    await expect(writer.putManifest('team/app', '1', image.descriptor, image.bytes)).rejects.toMatchObject({
      code: 'PUSH_REFUSED',
      message: expect.stringContaining(`stored ${other}, want ${image.descriptor.digest}`),
    });
  });
});
