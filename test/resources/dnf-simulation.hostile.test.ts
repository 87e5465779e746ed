import { describe, expect, it } from 'vitest';
import { judgeSimulation } from '../../src/resources/packages/dnf/judge-simulation.ts';
import { parseSimulation } from '../../src/resources/packages/dnf/parse-simulation.ts';
import fc from '../support/fast-check.ts';
import { HOSTILE_TEXTS } from '../support/hostile-texts.ts';

const judge = (output: string) => judgeSimulation(parseSimulation(output));

const LONG = 'a-package-with-a-name-that-fills-a-line-of-its-own';
const WHOLE = `@@ simulation
Last metadata expiration check: 0:00:00 ago on Tue Dec  1 12:00:00 2026.
Dependencies resolved.
================================================================================
 Package      Architecture  Version              Repository                 Size
================================================================================
Installing:
 app          noarch        1:2-1                caisson                   6.1 k
     replacing  applet.noarch 1-1
Upgrading:
 lib          noarch        2-1                  caisson                   6.2 k
Installing dependencies:
 ${LONG}
              noarch        1-1                  caisson                   6.0 k
Downgrading:
 tool         x86_64        1-1                  caisson                   7.0 k

Transaction Summary
================================================================================
Install    2 Packages
Operation aborted.
@@ failed 1
@@ installed
lib	0:1-1	Vendor
tool	0:2-1	(none)
gpg-pubkey	0:1-1	(none)
@@ end
`;

describe('the answer of a host to an install that dnf tries', () => {
  it('is read as a whole: what comes, and what would be older', () => {
    expect(judge(WHOLE)).toEqual({
      installs: [
        { name: 'app', version: '1:2-1' },
        { name: LONG, version: '1-1' },
      ],
      upgrades: [{ name: 'lib', before: '0:1-1', version: '2-1' }],
      problems: [
        {
          problem: 'tool 0:2-1 would be replaced by the older 1-1 of the bundle',
          remedy: 'Build a bundle with packages that are not older than those of the host',
        },
      ],
    });
  });

  it('is a problem for each package that is protected, in the words of dnf and of yum, and where no reason is given', () => {
    const dnf =
      '@@ simulation\nError: \n Problem: The operation would result in removing the following protected packages: docker-ce, podman\n@@ failed 1\n';
    const yum = '@@ simulation\nError: Trying to remove "docker-ce", which is protected\n@@ failed 1\n';
    const installed = '@@ installed\ndocker-ce\t3:26.1-1\tDocker\n';
    const removes = 'installing the packages of the bundle would remove docker-ce 3:26.1-1 of "Docker"';
    expect(judge(dnf + installed).problems.map(({ problem }) => problem)).toEqual([
      removes,
      'installing the packages of the bundle would remove podman',
    ]);
    expect(judge(yum + installed).problems.map(({ problem }) => problem)).toEqual([removes]);
    expect(judge('@@ simulation\n@@ failed 1\n').problems).toEqual([
      expect.objectContaining({ problem: expect.stringContaining('the tool gave no reason') }),
    ]);
  });

  it('is nothing where there is nothing to do', () => {
    expect(judge('@@ simulation\nNothing to do.\n@@ installed\nlib\t0:1-1\tVendor\n@@ end\n')).toEqual({
      installs: [],
      upgrades: [],
      problems: [],
    });
  });

  it('may be cut anywhere, have any line twice, or be any text', () => {
    const lines = [...WHOLE.split('\n'), '@@', '@@ failed 1', ' ', '\t\t', 'Error:', 'Installing:'];
    fc.assert(fc.property(fc.nat(WHOLE.length), (end) => void judge(WHOLE.slice(0, end))));
    fc.assert(fc.property(fc.array(fc.constantFrom(...lines)), (parts) => void judge(parts.join('\n'))));
    fc.assert(fc.property(fc.string(), (text) => void judge(`@@ simulation\nInstalling:\n ${text}\n@@ failed 1\n@@ installed\n${text}`)));
  });

  it.each(HOSTILE_TEXTS)('may be %s', (_, text) => {
    judge(`@@ simulation\nInstalling:\n ${text}\nError: protected packages: ${text}\n@@ failed 1\n@@ installed\n${text}`);
  });
});
