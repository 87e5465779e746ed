import { describe, expect, it } from 'vitest';
import { describePackages, packageData } from '../../../src/cli/plan/describe-packages.ts';
import type { PackageSimulation } from '../../../src/resources/index.ts';

function simulation(changes: Partial<PackageSimulation>): PackageSimulation {
  return { installs: [], upgrades: [], problems: [], ...changes };
}

const TOOLS = simulation({
  installs: Array.from({ length: 10 }, (_, index) => ({ name: `tool${index}`, version: '1.0' })),
  upgrades: [{ name: 'libc6', before: '2.36-8', version: '2.36-9' }],
});

describe('the packages of a plan', () => {
  it('are one line for hosts to which the same ones come, with some of their names', () => {
    const packages = new Map([
      ['n1', TOOLS],
      ['n2', simulation({ installs: [{ name: 'jq', version: '1.6-2.1' }] })],
      ['n3', TOOLS],
      ['n4', simulation({})],
    ]);
    expect(describePackages(packages)).toEqual([
      'Packages that come, with what they need:',
      '  n1, n3: 10 new (tool0 1.0, tool1 1.0, tool2 1.0, tool3 1.0, tool4 1.0, tool5 1.0, tool6 1.0, tool7 1.0, …); 1 upgraded (libc6 2.36-8 to 2.36-9)',
      '  n2: 1 new (jq 1.6-2.1)',
    ]);
  });

  it('are left out where none come', () => {
    expect(describePackages(new Map([['n1', simulation({})]]))).toEqual([]);
    expect(describePackages(new Map())).toEqual([]);
  });

  it('are whole as data', () => {
    expect(packageData(new Map([['n1', TOOLS]]))).toEqual([{ host: 'n1', installs: TOOLS.installs, upgrades: TOOLS.upgrades }]);
  });
});
