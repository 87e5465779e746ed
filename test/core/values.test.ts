import { describe, expect, it } from 'vitest';
import {
  debianArchitecture,
  digestOf,
  formatDuration,
  formatPlatform,
  formatSize,
  hexOf,
  isDigest,
  parseDigest,
  parsePlatform,
  parseSize,
  platformSlug,
  topologicalOrder,
} from '../../src/core/index.ts';

describe('digest', () => {
  it('is that of sha256sum', () => {
    expect(digestOf('')).toBe('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(hexOf(digestOf('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it.each([
    '',
    'sha256:',
    `sha256:${'A'.repeat(64)}`,
    `sha512:${'0'.repeat(128)}`,
    `sha256:${'0'.repeat(63)}`,
    ` sha256:${'0'.repeat(64)}`,
  ])('refuses %j', (text) => {
    expect(isDigest(text)).toBe(false);
    expect(() => parseDigest(text)).toThrow('64 lower-case hex digits');
  });
});

describe('platform', () => {
  it('is read and written alike', () => {
    for (const text of ['linux/amd64', 'linux/arm64/v8']) expect(formatPlatform(parsePlatform(text))).toBe(text);
    expect(platformSlug(parsePlatform('linux/arm64/v8'))).toBe('linux-arm64-v8');
  });

  it.each(['linux', 'linux/', '/amd64', 'Linux/amd64', 'linux/amd64/v1/x'])('refuses %j', (text) => {
    expect(() => parsePlatform(text)).toThrow(expect.objectContaining({ code: 'PLATFORM_INVALID', exitStatus: 3 }));
  });

  it('has the name that Debian gives the CPU', () => {
    expect(debianArchitecture({ os: 'linux', architecture: 'ppc64le' })).toBe('ppc64el');
    expect(() => debianArchitecture({ os: 'linux', architecture: 'constructor' })).toThrow('no such architecture');
  });
});

describe('size', () => {
  it.each([
    ['0', 0],
    ['1024', 1024],
    ['4GiB', 4 * 2 ** 30],
    ['700MB', 700e6],
    ['1.5 KiB', 1536],
  ])('reads %s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', '-1', '4 gigs', '4GiBs', '1e9', '1constructor'])('refuses %j', (text) => {
    expect(() => parseSize(text)).toThrow(expect.objectContaining({ code: 'SIZE_INVALID' }));
  });

  it('is written in binary units', () => {
    expect([0, 1023, 1024, 1.5 * 2 ** 30].map(formatSize)).toEqual(['0 B', '1023 B', '1.0 KiB', '1.5 GiB']);
  });
});

describe('formatDuration', () => {
  it('never writes 60 seconds where a minute is meant', () => {
    expect([12, 999, 1000, 59_940, 59_990, 60_000, 119_600, 250_000].map(formatDuration)).toEqual([
      '12 ms',
      '999 ms',
      '1.0 s',
      '59.9 s',
      '1 min 0 s',
      '1 min 0 s',
      '2 min 0 s',
      '4 min 10 s',
    ]);
  });
});

describe('topologicalOrder', () => {
  const order = (needs: Readonly<Record<string, readonly string[]>>): string[] =>
    topologicalOrder(
      Object.keys(needs),
      (name) => name,
      (name) => needs[name] ?? [],
    );

  it('puts each after all it needs and keeps the given order otherwise', () => {
    expect(order({ hub: ['docker'], docker: [], db: ['docker'], gateway: ['hub', 'etcd'], etcd: [] })).toEqual([
      'docker',
      'hub',
      'db',
      'etcd',
      'gateway',
    ]);
  });

  it('names the circle when there is one', () => {
    expect(() => order({ a: ['b'], b: ['c'], c: ['b'] })).toThrow(
      expect.objectContaining({ code: 'GRAPH_CYCLE', message: 'Cannot order what needs what: "b" needs "c" needs "b"' }),
    );
  });
});
