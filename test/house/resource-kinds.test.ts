import { describe, expect, it } from 'vitest';
import { KIND_ORDER, RESTORING } from '../../src/resources/index.ts';
import { KINDS } from '../../src/resources/kinds.ts';
import { EXAMPLES } from '../support/kind-examples.ts';

const NAMES = Object.keys(KINDS).sort();

describe('kinds of resources', () => {
  it('are all made and removed in an order', () => {
    expect([...KIND_ORDER].sort()).toEqual(NAMES);
  });

  it('all pass the contract of test/contract/resource-kind.ts, by an example or more', () => {
    expect(Object.keys(EXAMPLES).sort()).toEqual(NAMES);
    for (const examples of Object.values(EXAMPLES)) expect(examples.length).toBeGreaterThan(0);
  });

  it('put back what is not ours where plans say that they do', () => {
    const restoring = Object.entries(EXAMPLES).flatMap(([name, examples]) =>
      examples.some((example) => example.foreign !== undefined) ? [name] : [],
    );
    expect(restoring.sort()).toEqual([...RESTORING].sort());
  });
});
