import { describe, expect, it } from 'vitest';
import { judgeSimulation } from '../../src/resources/packages/apt/judge-simulation.ts';
import { parseSimulation } from '../../src/resources/packages/apt/parse-simulation.ts';
import fc from '../support/fast-check.ts';
import { HOSTILE_TEXTS } from '../support/hostile-texts.ts';

const judge = (output: string) => judgeSimulation(parseSimulation(output));

const WHOLE = `@@ simulation
Reading package lists...
The following packages have unmet dependencies:
 nfs-common : Depends: libnfsidmap1 (= 1:2.6.2-4) but 1:2.6.4-1 is to be installed
              Depends: keyutils (>= 1.6) but it is not installable
E: Unable to correct problems, you have held broken packages.
@@ failed 100
@@ simulation
Remv old:i386 [1.0]
Inst jq [1.5] (1.6 Caisson:bookworm [amd64]) []
Inst libjq1:amd64 (1.6 Caisson:bookworm [amd64])
Conf jq (1.6 Caisson:bookworm [amd64])
@@ installed
install\tinstalled\tjq\t1.5\tA Person <person@example.com>
install\tinstalled\told\t1.0\t
hold\tinstalled\tlibnfsidmap1\t1:2.6.4-1\tA Person <person@example.com>
deinstall\tconfig-files\tgone\t1.0\tA Person <person@example.com>
@@ going
old\tjq (= 1.5)\t
@@ end
`;

describe('the answer of a host to a simulated install', () => {
  it('is read as a whole: what comes, what goes, why it is refused', () => {
    const simulation = parseSimulation(WHOLE);
    expect(simulation.incoming).toEqual([
      { name: 'jq', before: '1.5', version: '1.6' },
      { name: 'libjq1', before: undefined, version: '1.6' },
    ]);
    expect(simulation.removed).toEqual(['old']);
    expect(simulation.refusal).toEqual([
      'nfs-common : Depends: libnfsidmap1 (= 1:2.6.2-4) but 1:2.6.4-1 is to be installed',
      'Depends: keyutils (>= 1.6) but it is not installable',
    ]);
    expect([...simulation.installed.keys()]).toEqual(['jq', 'old', 'libnfsidmap1']);
    expect(judgeSimulation(simulation).problems.map(({ problem }) => problem)).toEqual([
      'installing the packages of the bundle would remove old 1.0: it needs jq (= 1.5), and jq comes in 1.6',
    ]);
  });

  it('is a problem where an older package would come, and where no reason is given', () => {
    expect(judge('@@ simulation\nInst jq [2:1.6] (1.7 Caisson:bookworm [amd64])\n').problems).toEqual([
      expect.objectContaining({ problem: 'jq 2:1.6 would be replaced by the older 1.7 of the bundle' }),
    ]);
    expect(judge('@@ simulation\n@@ failed 100\n').problems).toEqual([
      expect.objectContaining({ problem: 'its package tool would refuse the packages of the bundle: apt-get gave no reason' }),
    ]);
  });

  it('may be cut anywhere, have any line twice, or be any text', () => {
    const lines = WHOLE.split('\n');
    fc.assert(fc.property(fc.nat(WHOLE.length), (end) => void judge(WHOLE.slice(0, end))));
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...lines, '@@', '@@ ', 'Inst ', 'Remv ', '\t\t\t')), (parts) => void judge(parts.join('\n'))),
    );
    fc.assert(
      fc.property(fc.string(), (text) => void judge(`@@ simulation\n${text}\n@@ failed 1\n@@ installed\n${text}\n@@ going\n${text}`)),
    );
  });

  it.each(HOSTILE_TEXTS)('may be %s', (_, text) => {
    judge(`@@ simulation\nhave unmet dependencies\n ${text}\nInst ${text}\n@@ failed 1\n@@ installed\n${text}\n@@ going\n${text}`);
  });

  it('may be long in any of its lines', () => {
    const long = ' : Depends: a (= 1) '.repeat(50_000);
    const { problems } = judge(
      `@@ simulation\nThe following packages have unmet dependencies:\n ${long}\n@@ failed 100\n@@ installed\n${long}\n`,
    );
    expect(problems).toHaveLength(1);
    expect(problems[0]?.problem.length).toBeLessThan(10_000);
  });
});
