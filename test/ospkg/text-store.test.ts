import { describe, expect, it } from 'vitest';
import { NumberList, TextStore } from '../../src/ospkg/text-store.ts';

describe('TextStore', () => {
  it('gives back every text, short, empty, longer than a block and with every character of latin1', () => {
    const all = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');
    const texts = ['', 'a', all, 'x'.repeat(300_000), 'y'.repeat(200_000), 'z'.repeat(100_000), '', all.repeat(1000), 'end'];
    const store = new TextStore();
    texts.forEach((text) => store.push(text));
    expect(store.length).toBe(texts.length);
    expect(texts.map((_, index) => store.at(index) === texts[index])).toEqual(texts.map(() => true));
  });
});

describe('TextStore, searched', () => {
  it('finds every text that holds a part, and none that has it only together with its neighbour', () => {
    const texts = ['needle', '', 'a needle', 'nee', 'dle', 'x'.repeat(300_000), `${'y'.repeat(200_000)}needle`, 'needle'.repeat(3), ''];
    const store = new TextStore();
    texts.forEach((text) => store.push(text));
    expect(store.holding('needle')).toEqual([0, 2, 6, 7]);
    expect(store.holding('absent')).toEqual([]);
    expect(new TextStore().holding('needle')).toEqual([]);
  });
});

describe('NumberList', () => {
  it('grows, and refuses an index beyond its end', () => {
    const list = new NumberList();
    for (let number = 0; number < 5000; number++) list.push(number * 1000);
    expect([list.at(0), list.at(1024), list.at(4999), list.length]).toEqual([0, 1_024_000, 4_999_000, 5000]);
    expect(() => list.at(5000)).toThrow(RangeError);
    expect(() => list.at(-1)).toThrow(RangeError);
  });
});
