import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../src/registry/auth-challenge.ts';
import { processorMs, timed } from '../support/timed.ts';

function read(headers: string | string[] | undefined): unknown[] {
  return parseChallenges(headers).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

describe('parseChallenges', () => {
  it.each<[string, string | string[] | undefined, unknown[]]>([
    [
      'commas and colons inside quotes',
      'Bearer realm="https://auth.example/token",service="r:5000",scope="repository:a/b:pull,push"',
      [['bearer', { realm: 'https://auth.example/token', service: 'r:5000', scope: 'repository:a/b:pull,push' }]],
    ],
    ['any case and spacing', 'bEaReR  Realm = "x" , SERVICE=y', [['bearer', { realm: 'x', service: 'y' }]]],
    [
      'several headers',
      ['Negotiate', 'Basic realm="a"'],
      [
        ['negotiate', {}],
        ['basic', { realm: 'a' }],
      ],
    ],
    [
      'several challenges in one header',
      'Negotiate abc==, Basic realm="a", Bearer realm="b",service="c"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'a' }],
        ['bearer', { realm: 'b', service: 'c' }],
      ],
    ],
    ['escapes in quotes', 'Basic realm="say \\"hi\\", \\\\"', [['basic', { realm: 'say "hi", \\' }]]],
    ['the first of repeated parameters', 'Bearer realm="a",realm="b"', [['bearer', { realm: 'a' }]]],
    ['an unfinished quote, up to it', 'Bearer service="s",realm="x', [['bearer', { service: 's' }]]],
    ['nothing', undefined, []],
    ['an empty header', '', []],
    ['garbage', '=,=;"', []],
    ['a parameter without a scheme', 'realm="x"', []],
  ])('reads %s', (_, headers, challenges) => {
    expect(read(headers)).toEqual(challenges);
  });

  timed('takes no long time over a hostile header', async () => {
    const headers = [`Bearer ${'a'.repeat(16_000)}`, `Bearer realm="${'\\"'.repeat(8_000)}`, 'a,'.repeat(8_000), 'a '.repeat(8_000)];
    expect(await processorMs(() => headers.map((header) => parseChallenges(header)))).toBeLessThan(2000);
  });
});
