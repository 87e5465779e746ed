import { describe, expect, it } from 'vitest';
import { drawMutants } from '../../.ci/mutate-sample.mjs';

/** 50 mutants in each of four files. */
const MUTANTS = ['a.ts', 'b.ts', 'c.ts', 'd.ts'].flatMap((file) =>
  Array.from({ length: 50 }, (_, line) => ({
    id: `${file}:${line}`,
    fileName: `src/site/${file}`,
    location: { start: { line, column: 2 }, end: { line, column: 9 } },
    mutatorName: 'BooleanLiteral',
    replacement: 'false',
  })),
);

const draw = (size: number, seed: string, from = MUTANTS): readonly string[] => drawMutants(from, size, seed).map(({ id }) => id);

describe('drawMutants', () => {
  it('draws as many as it is told, each once, and the same again for the same seed, whatever order they come in', () => {
    const drawn = draw(40, '1');
    expect(new Set(drawn).size).toBe(40);
    expect(draw(40, '1', [...MUTANTS].reverse())).toEqual(drawn);
  });

  it('draws others for another seed', () => {
    expect(draw(40, '2')).not.toEqual(draw(40, '1'));
  });

  it('draws from all files, not from the first ones', () => {
    for (const seed of ['1', '2', '3']) expect(new Set(draw(40, seed).map((id) => id.slice(0, 4))).size).toBe(4);
  });

  it('begins a larger draw with the smaller one, so that a run which is cut is a draw, too', () => {
    expect(draw(80, '1').slice(0, 40)).toEqual(draw(40, '1'));
  });

  it('draws all where there are fewer', () => {
    expect([...draw(500, '1')].sort()).toEqual(MUTANTS.map(({ id }) => id).sort());
  });
});
