import { describe, expect, it } from 'vitest';
import { commitAddress, uploadAddress } from '../../src/registry/upload-address.ts';

function addressOf(location: string | undefined, url = 'https://registry.example:5000/v2/a/blobs/uploads/'): string {
  return uploadAddress({ url, headers: { location } });
}

describe('the address of an upload', () => {
  it.each([
    ['/v2/a/blobs/uploads/1?state=x', 'https://registry.example:5000/v2/a/blobs/uploads/1?state=x'],
    ['https://store.example/upload?signature=a%2Bb', 'https://store.example/upload?signature=a%2Bb'],
    ['https://user:password@store.example/1', 'https://store.example/1'],
    // Registries behind a proxy that ends TLS do not know that they are asked by https.
    ['http://registry.example:5000/v2/1', 'https://registry.example:5000/v2/1'],
    ['http://registry.example/v2/1', 'https://registry.example:5000/v2/1'],
  ])('%s is asked at %s', (location, address) => {
    expect(addressOf(location)).toBe(address);
  });

  it.each([
    [undefined, 'did not say where'],
    ['http://store.example/1', 'an unencrypted address'],
    ['http://registry.example:8080/1', 'an unencrypted address'],
    ['https://127.0.0.1/1', 'this machine'],
    ['https://localhost:5000/1', 'this machine'],
    ['file:///etc/passwd', 'no web address'],
  ])('%s is refused', (location, reason) => {
    expect(() => addressOf(location)).toThrow(reason);
  });

  it('gets the digest behind a query that stays as it is', () => {
    expect(commitAddress('https://a.example/1?s=a%2Bb+c', 'sha256:00')).toBe('https://a.example/1?s=a%2Bb+c&digest=sha256%3A00');
    expect(commitAddress('https://a.example/1', 'sha256:00')).toBe('https://a.example/1?digest=sha256%3A00');
  });
});
