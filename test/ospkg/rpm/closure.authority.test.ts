import { describe, expect, it } from 'vitest';
import { RpmTable } from '../../../src/ospkg/rpm/package-table.ts';
import { solveRpmSet } from '../../../src/ospkg/rpm/solve.ts';
import { RpmUniverse } from '../../../src/ospkg/rpm/universe.ts';
import { askDnf, type DnfCase, type DnfUniverse } from '../../support/dnf.ts';
import { drawFrom, drawUniverse, primaryElement } from '../../support/rpm-universe.ts';
import { useTempDir } from '../../support/temp-dir.ts';

/** How many repositories are drawn; CAISSON_RPM_UNIVERSES draws more. */
const UNIVERSES = Number(process.env['CAISSON_RPM_UNIVERSES'] ?? 60);
const CASES = 12;

/**
 * Shares of cases in which another choice among candidates is no fault, without and with weak dependencies: both answers install
 * the set with all that it needs. Of the 6,000 cases of the first 500 repositories, 12 differ, all but one of them weak; of the 720
 * of the first 60 with kernels and two architectures 5, 4 of them weak.
 */
const OTHER_CHOICE = { required: 0.001, all: 0.01 };
const OTHER_CHOICE_WHEN_MIXED = { required: 0.002, all: 0.01 };

function drawCases(seed: number, { isMixed = false } = {}): DnfUniverse {
  const draw = drawFrom(seed);
  const packages = drawUniverse(draw, 12 + draw.below(40), { isMixed });
  const names = [...new Set(packages.map(({ name }) => name))];
  const cases = Array.from({ length: CASES }, (): DnfCase => {
    const count = 1 + draw.below(4);
    const wanted = Array.from({ length: count }, () => (draw.chance(0.08) ? draw.pick(['mta', 'editor', 'webserver']) : draw.pick(names)));
    return { names: wanted, weak: draw.chance(0.5) };
  });
  return { packages, cases };
}

function ours({ packages, cases }: DnfUniverse): readonly (readonly string[] | undefined)[] {
  const table = new RpmTable();
  const origin = { repository: '', what: 'drawn', prefer: [], isHotfix: false, reopen: () => noBytes(), openFilelists: undefined };
  const listed = new Map<string, number[]>();
  for (const [index, item] of packages.entries()) {
    table.add({ offset: 0, bytes: Buffer.from(primaryElement(item)) }, origin, () => true);
    for (const file of new Set(item.files)) listed.set(file, [...(listed.get(file) ?? []), index + 1]);
  }
  expect(table.unusable).toEqual([]);
  return cases.map(({ names, weak }) => {
    const universe = new RpmUniverse(table, {}, listed);
    const found = solveRpmSet(universe, names, { architecture: 'x86_64', recommends: new Set(weak ? names : []) });
    if (!found.ok) {
      expect(found.failures.every(({ reasons }) => reasons.length > 0)).toBe(true);
      return undefined;
    }
    return found.packages
      .map((id) => universe.at(id))
      .map(({ name, version, architecture }) => `${name}-${version}.${architecture}`)
      .sort();
  });
}

async function* noBytes(): AsyncGenerator<Buffer> {}

describe('from an empty system, the closure is the one dnf chooses', () => {
  const directory = useTempDir();

  it.each([
    ['', { isMixed: false, share: OTHER_CHOICE }],
    [' with kernels side by side and two architectures', { isMixed: true, share: OTHER_CHOICE_WHEN_MIXED }],
  ])(
    `in ${CASES} cases of each of ${UNIVERSES} drawn repositories%s, refusals included`,
    async (which, kind) => {
      const universes = Array.from({ length: UNIVERSES }, (_, index) => drawCases(index + 1, kind));
      const answers = await askDnf(directory(), universes);
      const others: (Partial<DnfCase> & { readonly universe: number; readonly ours: unknown; readonly dnf: unknown })[] = [];
      let refused = 0;
      for (const [index, universe] of universes.entries()) {
        for (const [number, found] of ours(universe).entries()) {
          const asked = universe.cases[number];
          const answer = answers[index]?.[number];
          if (answer === undefined) refused += 1;
          if (asked !== undefined && JSON.stringify(found) !== JSON.stringify(answer)) {
            others.push({ ...asked, universe: index + 1, ours: found, dnf: answer });
          }
        }
      }
      process.stdout.write(`${UNIVERSES * CASES - others.length} of ${UNIVERSES * CASES} cases${which} are dnf's\n`);
      const required = others.filter(({ weak }) => weak !== true);
      if (required.length > UNIVERSES * CASES * kind.share.required) expect(required).toEqual([]);
      if (others.length > UNIVERSES * CASES * kind.share.all) expect(others).toEqual([]);
      // Neither a universe in which nothing can be installed nor one in which everything can would say much.
      expect(refused).toBeGreaterThan((UNIVERSES * CASES) / 10);
      expect(refused).toBeLessThan((UNIVERSES * CASES * 9) / 10);
    },
    UNIVERSES * 2000 + 60_000,
  );
});
