import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/index.ts';
import { DOCKER_INDEX, DOCKER_MANIFEST, MANIFEST_SIZE_LIMIT, OCI_INDEX, OCI_MANIFEST, parseManifest } from '../../src/oci/index.ts';

const DESCRIPTOR = { mediaType: 'application/x', digest: digestOf('x'), size: 1 };

function bytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

describe('parseManifest', () => {
  it('keeps the bytes as they came', () => {
    const raw = Buffer.from(`{ "schemaVersion":2,\n "config": ${JSON.stringify(DESCRIPTOR)}, "layers": [], "unknown": [1] }\n`);
    const document = parseManifest(raw, OCI_MANIFEST);
    expect(document.bytes).toBe(raw);
    expect(document).toMatchObject({ kind: 'manifest', config: DESCRIPTOR, layers: [] });
  });

  it('reads platform and annotations of an index and ignores damaged ones', () => {
    const manifests = [
      { ...DESCRIPTOR, platform: { os: 'linux', architecture: 'arm64', variant: 'v8', 'os.version': '1' }, annotations: { a: 'b', c: 1 } },
      { ...DESCRIPTOR, platform: { os: 'linux' } },
    ];
    expect(parseManifest(bytes({ mediaType: OCI_INDEX, manifests }))).toMatchObject({
      manifests: [{ platform: { os: 'linux', architecture: 'arm64', variant: 'v8' }, annotations: { a: 'b' } }, DESCRIPTOR],
    });
  });

  it.each([
    ['its own media type', { mediaType: DOCKER_MANIFEST, config: DESCRIPTOR, layers: [] }, 'text/plain', DOCKER_MANIFEST],
    ['the Content-Type', { config: DESCRIPTOR }, `${OCI_MANIFEST}; charset=utf-8`, OCI_MANIFEST],
    ['its shape as manifest', { config: DESCRIPTOR }, 'application/octet-stream', OCI_MANIFEST],
    ['its shape as index', { manifests: [] }, undefined, OCI_INDEX],
    ['the Content-Type of a list', { manifests: [] }, DOCKER_INDEX, DOCKER_INDEX],
  ])('tells the type from %s', (_, document, contentType, mediaType) => {
    expect(parseManifest(bytes(document), contentType).mediaType).toBe(mediaType);
  });

  it.each([
    ['schema 1 by version', { schemaVersion: 1, name: 'x', fsLayers: [] }, undefined, 'schema 1'],
    ['schema 1 by Content-Type', { config: DESCRIPTOR }, 'application/vnd.docker.distribution.manifest.v1+prettyjws', 'schema 1'],
    ['a document with layers and manifests', { config: DESCRIPTOR, layers: [], manifests: [] }, undefined, 'at once'],
    ['an index that says it is a manifest', { mediaType: OCI_MANIFEST, manifests: [] }, undefined, 'shape'],
    ['a manifest sent as an index', { config: DESCRIPTOR, layers: [] }, OCI_INDEX, 'shape'],
    ['a media type that differs from the header', { mediaType: OCI_MANIFEST, config: DESCRIPTOR }, DOCKER_MANIFEST, 'the server says'],
    ['neither one', { hello: 'world' }, undefined, 'neither'],
    ['a list', [], undefined, 'not a JSON object'],
    ['a digest that escapes', { config: { ...DESCRIPTOR, digest: 'sha256:../../x' } }, undefined, 'not sha256'],
    ['sha512', { config: { ...DESCRIPTOR, digest: `sha512:${'a'.repeat(128)}` } }, undefined, 'not sha256'],
    ['a negative size', { config: DESCRIPTOR, layers: [{ ...DESCRIPTOR, size: -1 }] }, undefined, '"layers[0]" has no valid size'],
    ['a fractional size', { config: { ...DESCRIPTOR, size: 1.5 } }, undefined, 'no valid size'],
    ['a huge size', { config: { ...DESCRIPTOR, size: 1e300 } }, undefined, 'no valid size'],
    ['layers that are no list', { config: DESCRIPTOR, layers: {} }, undefined, '"layers" is not a list'],
    ['a layer that is null', { config: DESCRIPTOR, layers: [null] }, undefined, '"layers[0]" is not an object'],
  ])('refuses %s', (_, document, contentType, reason) => {
    expect(() => parseManifest(bytes(document), contentType, '"x"')).toThrow(
      expect.objectContaining({ code: 'IMAGE_UNSUPPORTED', message: expect.stringContaining(reason) }),
    );
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['an unfinished document', Buffer.from('{"config":')],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ])('refuses %s', (_, raw) => {
    expect(() => parseManifest(raw)).toThrow(expect.objectContaining({ code: 'IMAGE_UNSUPPORTED' }));
  });

  it('refuses more than 4 MiB', () => {
    const document = bytes({ config: DESCRIPTOR, padding: 'x'.repeat(MANIFEST_SIZE_LIMIT) });
    expect(() => parseManifest(document)).toThrow('larger than 4.0 MiB');
  });
});
