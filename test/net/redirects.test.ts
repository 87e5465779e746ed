import { describe, expect, it } from 'vitest';
import { isLoopback } from '../../src/net/index.ts';
import { redirectTarget } from '../../src/net/redirects.ts';

describe('redirectTarget', () => {
  it.each([
    ['https://a.example/x/y', 'z?q=1', 'https://a.example/x/z?q=1'],
    ['https://a.example/x', '//b.example/y', 'https://b.example/y'],
    ['http://a.example/x', 'https://a.example/x', 'https://a.example/x'],
    ['http://127.0.0.1:5000/x', 'http://127.0.0.1:5001/y', 'http://127.0.0.1:5001/y'],
  ])('from %s by %s leads to %s', (from, location, to) => {
    expect(redirectTarget(new URL(from), location).href).toBe(to);
  });

  it.each([
    ['https://a.example/x', 'http://a.example/x', 'unencrypted'],
    ['https://a.example/x', 'https://127.0.0.1/x', 'this machine'],
    ['http://a.example/x', 'http://localhost:6443/x', 'this machine'],
    ['http://a.example/x', 'http://[::1]/x', 'this machine'],
    ['http://a.example/x', 'http://2130706433/x', 'this machine'],
    ['https://a.example/x', 'file:///etc/passwd', 'neither http nor https'],
    ['https://a.example/x', 'https://', 'not a URL'],
  ])('from %s refuses to follow %s', (from, location, reason) => {
    expect(() => redirectTarget(new URL(from), location)).toThrow(
      expect.objectContaining({ code: 'FETCH_FAILED', message: expect.stringContaining(reason) }),
    );
  });
});

describe('isLoopback', () => {
  it.each(['localhost', 'LOCALHOST', 'a.localhost', '127.0.0.1', '127.9.9.9', '::1', '[::1]'])('is true for %s', (name) => {
    expect(isLoopback(name)).toBe(true);
  });

  it.each(['128.0.0.1', '127.0.0.1.example.com', 'localhost.example.com', '10.0.0.1', '::2', ''])('is false for %j', (name) => {
    expect(isLoopback(name)).toBe(false);
  });
});
