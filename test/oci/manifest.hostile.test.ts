import { describe, expect, it } from 'vitest';
import { OCI_INDEX, OCI_MANIFEST, parseJsonObject, parseManifest } from '../../src/oci/index.ts';
import { codeOf, HOSTILE_BYTES } from '../support/hostile-texts.ts';

const GOOD = { mediaType: 'x', digest: `sha256:${'a'.repeat(64)}`, size: 1 };

describe('parseManifest', () => {
  it.each(HOSTILE_BYTES)('refuses %s', async (_, bytes) => {
    for (const type of [undefined, OCI_INDEX, OCI_MANIFEST])
      expect(await codeOf(() => parseManifest(bytes, type))).toBe('IMAGE_UNSUPPORTED');
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it.each<readonly [string, unknown]>([
    ['nothing', null],
    ['a text', 'x'],
    ['a list in a list', [[]]],
    ['a negative size', { ...GOOD, size: -1 }],
    ['a size of a half', { ...GOOD, size: 0.5 }],
    ['a size beyond 2^53', { ...GOOD, size: 2 ** 53 }],
    ['a size as text', { ...GOOD, size: '1' }],
    ['a digest that leaves the directory', { ...GOOD, digest: 'sha256:../../../../etc/passwd' }],
    ['a digest in upper case', { ...GOOD, digest: `sha256:${'A'.repeat(64)}` }],
    ['a digest of another kind', { ...GOOD, digest: `sha512:${'a'.repeat(128)}` }],
    ['a digest with a line feed', { ...GOOD, digest: `${GOOD.digest}\n` }],
    ['a digest that is a list', { ...GOOD, digest: [GOOD.digest] }],
    ['no media type', { digest: GOOD.digest, size: 1 }],
  ])('refuses a descriptor of %s, wherever it stands', async (_, descriptor) => {
    const documents = [
      { schemaVersion: 2, config: descriptor, layers: [] },
      { schemaVersion: 2, config: GOOD, layers: [GOOD, descriptor] },
      { schemaVersion: 2, manifests: [descriptor] },
      { schemaVersion: 2, manifests: descriptor ?? 0 },
    ];
    for (const document of documents) {
      expect(await codeOf(() => parseManifest(Buffer.from(JSON.stringify(document))))).toBe('IMAGE_UNSUPPORTED');
    }
  });

  it('refuses a size that JSON writes beyond all numbers', async () => {
    const text = JSON.stringify({ schemaVersion: 2, config: GOOD, layers: [] }).replace('"size":1', '"size":1e999');
    expect(await codeOf(() => parseManifest(Buffer.from(text)))).toBe('IMAGE_UNSUPPORTED');
  });

  it('reads annotations with the name of what every object has as annotations', () => {
    const text = JSON.stringify({ schemaVersion: 2, manifests: [{ ...GOOD, annotations: { constructor: 'x' } }] }).replace(
      'constructor',
      '__proto__',
    );
    const document = parseManifest(Buffer.from(text));
    expect(document.kind === 'index' && Object.entries(document.manifests[0]?.annotations ?? {})).toEqual([['__proto__', 'x']]);
  });
});

describe('parseJsonObject', () => {
  it.each(HOSTILE_BYTES)('gives an object or nothing for %s', (_, bytes) => {
    expect(['object', 'undefined']).toContain(typeof parseJsonObject(bytes));
  });
});
