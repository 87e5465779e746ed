import { describe, expect, it } from 'vitest';
import type { Event } from '../../src/core/index.ts';
import type { CommandResult } from '../../src/host/index.ts';
import { installedVersions } from '../../src/resources/packages/dnf/installed-versions.ts';
import { recoverPackages } from '../../src/resources/packages/dnf/recover-packages.ts';
import { removedPackages } from '../../src/resources/packages/dnf/remove-packages.ts';
import { runRpmTool } from '../../src/resources/packages/dnf/tool.ts';
import { fakeHost, type FakeAnswer } from '../support/fake-host.ts';

const COMMAND = { argv: ['dnf', 'makecache'] };
const signal = new AbortController().signal;

function fixture(answers: readonly FakeAnswer[]) {
  const left = [...answers];
  const host = fakeHost({ replies: [{ argv: COMMAND.argv, answer: () => left.shift() ?? {} }] });
  const events: Event[] = [];
  const slept: number[] = [];
  const options = {
    signal,
    emit: (event: Event) => void events.push(event),
    sleep: async (milliseconds: number) => void slept.push(milliseconds),
  };
  return { host, events, slept, options };
}

describe('runRpmTool', () => {
  it('waits while another process holds the lock of dnf or of rpm, and says so once', async () => {
    const { host, events, slept, options } = fixture([
      { exitCode: 200, stderr: 'RPMDB already locked by 4711\n' },
      { exitCode: 1, stderr: "RPM: error: can't create transaction lock on /var/lib/rpm/.rpm.lock (Resource temporarily unavailable)\n" },
      { stdout: 'ok' },
    ]);
    expect(await runRpmTool(host, COMMAND, options)).toMatchObject({ stdout: 'ok' });
    expect(slept).toHaveLength(2);
    expect(events).toEqual([{ type: 'note', message: 'Waiting on fake until another process is done with its packages' }]);
  });

  it('does not try again what fails for another reason', async () => {
    const { host, options } = fixture([{ exitCode: 1, stderr: 'No match for argument: jq\n' }]);
    await expect(runRpmTool(host, COMMAND, options)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    expect(host.commands).toHaveLength(1);
  });
});

/** A host that answers each command with the next text. */
function answering(...answers: readonly Partial<CommandResult>[]) {
  const left = [...answers];
  const commands: string[][] = [];
  const host = fakeHost();
  return {
    commands,
    host: {
      ...host,
      run: async (command: { readonly argv: readonly string[] }) => {
        commands.push([...command.argv]);
        return { exitCode: 0, stdout: '', stderr: '', ...left.shift() };
      },
    },
  };
}

describe('installedVersions', () => {
  it('reads versions with their epochs, the newest of several, and passes over what is not installed', async () => {
    const stdout = 'bash\t5.1.8-9.el9\nkernel\t5.14.0-70.el9\nkernel\t5.14.0-362.el9\npackage jq is not installed\nperl\t4:5.32-1\n';
    const { host } = answering({ exitCode: 1, stdout });
    expect(await installedVersions(host, ['bash', 'kernel', 'jq', 'perl'], signal)).toEqual(
      new Map([
        ['bash', '5.1.8-9.el9'],
        ['kernel', '5.14.0-362.el9'],
        ['perl', '4:5.32-1'],
      ]),
    );
  });

  it('asks nothing for no names', async () => {
    const { host, commands } = answering();
    expect(await installedVersions(host, [], signal)).toEqual(new Map());
    expect(commands).toEqual([]);
  });
});

describe('recoverPackages', () => {
  it('erases all but the newest version of a package, whichever comes first, each architecture for itself', async () => {
    const stdout = [...['lib\tx86_64\t1:1.10-1', 'lib\tx86_64\t1:1.9-1', 'lib\ti686\t1:1.9-1', 'lib\ti686\t1:1.10-1', '']].join('\n');
    const { host, commands } = answering({ stdout });
    await recoverPackages(host, { signal, emit: () => {} });
    expect(commands.slice(1)).toEqual([['rpm', '--erase', '--', 'lib-1.9-1.x86_64', 'lib-1.9-1.i686']]);
  });

  it('changes nothing where no installation was interrupted', async () => {
    const { host, commands } = answering({ stdout: '' });
    await recoverPackages(host, { signal, emit: () => {} });
    expect(commands).toHaveLength(1);
  });
});

describe('the table of a removal', () => {
  it.each([
    [
      'dnf 4',
      `Dependencies resolved.
================================================================================
 Package           Architecture      Version          Repository           Size
================================================================================
Removing:
 app               noarch            2-1              @caisson              6
 a-name-that-fills-a-line-of-its-own
                   noarch            1-1              @caisson              9
Removing dependent packages:
 needer            noarch            1-1              @caisson              9
Removing unused dependencies:
 lib               noarch            2-1              @caisson              6

Transaction Summary
================================================================================
Remove  4 Packages

Freed space: 21
Operation aborted.
`,
      ['app', 'a-name-that-fills-a-line-of-its-own', 'needer', 'lib'],
    ],
    [
      'dnf 5',
      `Package     Arch   Version  Repository      Size
Removing:
 app        noarch 2-1      caisson      6.0   B
Removing unused dependencies:
 lib        noarch 2-1      caisson      6.0   B

Transaction Summary:
 Removing:          2 packages

Operation aborted by the user.
`,
      ['app', 'lib'],
    ],
    [
      'yum 3',
      `Resolving Dependencies
--> Running transaction check
---> Package app.noarch 0:2-1 will be erased
--> Finished Dependency Resolution

Dependencies Resolved

================================================================================
 Package       Arch            Version           Repository               Size
================================================================================
Removing:
 app           noarch          2-1               @caisson                 6.0
Removing for dependencies:
 needer        noarch          1-1               @caisson                 9.0

Transaction Summary
================================================================================
Remove  1 Package (+1 Dependent package)

Installed size: 15
Exiting on user command
`,
      ['app', 'needer'],
    ],
    ['a host without the package', 'No match for argument: nonex\nDependencies resolved.\nNothing to do.\nComplete!\n', []],
  ])('of %s is read', (_, table, names) => {
    expect(removedPackages(table)).toEqual(names);
  });
});
