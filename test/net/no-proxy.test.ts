import { describe, expect, it } from 'vitest';
import { parseNoProxy } from '../../src/net/no-proxy.ts';

describe('NO_PROXY', () => {
  it.each([
    ['example.com', 'https://example.com/', true],
    ['example.com', 'https://registry.example.com:5000/', true],
    ['example.com', 'https://notexample.com/', false],
    ['.example.com', 'https://registry.example.com/', true],
    ['*.example.com', 'https://registry.example.com/', true],
    ['EXAMPLE.com', 'https://example.com/', true],
    ['other, example.com', 'https://example.com/', true],
    ['other  example.com', 'https://example.com/', true],
    ['example.com:5000', 'https://example.com:5000/', true],
    ['example.com:5000', 'https://example.com/', false],
    ['example.com:443', 'https://example.com/', true],
    ['example.com:80', 'http://example.com/', true],
    ['*', 'https://anything.example/', true],
    ['10.0.0.0/8', 'https://10.1.2.3/', true],
    ['10.0.0.0/8', 'https://11.1.2.3/', false],
    ['10.0.0.0/8', 'https://10.example.com/', false],
    ['192.168.1.7', 'https://192.168.1.7:5000/', true],
    ['192.168.1.7', 'https://192.168.1.70/', false],
    ['fd00::/8', 'https://[fd00::1]/', true],
    ['fd00::1', 'https://[fd00:0::1]/', true],
    ['[fd00::1]:5000', 'https://[fd00::1]:5000/', true],
    ['[fd00::1]:5000', 'https://[fd00::1]/', false],
    ['10.0.0.0/99', 'https://10.0.0.1/', false],
    ['', 'https://example.com/', false],
    [' , ,', 'https://example.com/', false],
    ['.', 'https://example.com/', false],
    [':5000', 'https://example.com:5000/', false],
  ])('%j for %s: %s', (value, url, expected) => {
    expect(parseNoProxy(value)(new URL(url))).toBe(expected);
  });
});
