import { describe, expect, it } from 'vitest';
import { formatGroup, parseRelations } from '../../../src/ospkg/apt/requirement.ts';
import { processorMs, timed } from '../../support/timed.ts';

function read(text: string): string[] {
  return parseRelations(text, 'amd64', 'test').map(formatGroup);
}

describe('relations', () => {
  it.each([
    ['a', ['a']],
    ['a, b | c (>= 1:2.0-1~x) , d:any', ['a', 'b | c (>= 1:2.0-1~x)', 'd:any']],
    ['a(<<2),b( = 1 ),c (>> 3)', ['a (<< 2)', 'b (= 1)', 'c (>> 3)']],
    ['a (< 2), b (> 1)', ['a (<= 2)', 'b (>= 1)']],
    ['python3 (<< 3.12), python3 (>= 3.11~), python3:any', ['python3 (<< 3.12)', 'python3 (>= 3.11~)', 'python3:any']],
    ['lib:amd64 (= 1), g++-12, libc6.1', ['lib:amd64 (= 1)', 'g++-12', 'libc6.1']],
    ['a [amd64] | b [!amd64], c [!amd64], d [linux-any i386], e [any-arm64]', ['a', 'd']],
    ['a <!nocheck>, b (>= 1) [amd64] <stage1 !cross> <x>', ['a', 'b (>= 1)']],
    ['a\n , b,\n  c,', ['a', 'b', 'c']],
    ['', []],
    [' , ', []],
  ])('reads %j', (text, groups) => {
    expect(read(text)).toEqual(groups);
  });

  it.each(['a (1.0)', 'a (>= )', 'a (>= 1', 'a b', '../etc', 'a (>= 1/2)', 'a | ', '-a', 'a:Any!', 'a (=> 1)'])('refuses %j', (text) => {
    expect(() => read(text)).toThrowError(expect.objectContaining({ code: 'REPOSITORY_INVALID' }));
  });

  timed('takes no longer for hostile blanks', async () => {
    const taken = await processorMs(() => {
      expect(() => read(`a${' '.repeat(200_000)}!`)).toThrow('Cannot read a relation');
    });
    expect(taken).toBeLessThan(2000);
  });
});
