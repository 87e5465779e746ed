import { describe, expect, it } from 'vitest';
import { silent, type Event } from '../../src/core/index.ts';
import { aptManager } from '../../src/resources/packages/apt/apt-manager.ts';
import { Installer, SimulatedMachine } from '../support/simulated-machine.ts';

const signal = new AbortController().signal;

/** A host where a package of ours brought one along, and one that nothing needed was there before. */
function machine(): SimulatedMachine {
  const made = new SimulatedMachine({
    name: 'a',
    address: '10.0.0.1',
    local: true,
    imageIds: new Map(),
    definitions: '/opt',
    seedRoot: '/nowhere',
    installer: new Installer(),
  });
  made.packageNeeds.set('jq', ['libjq1']);
  made.packageNeeds.set('report', ['jq']);
  made.installPackage('needless', true);
  made.installPackage('jq');
  return made;
}

describe('removal of packages', () => {
  it('takes along what came with them, and not what was needless before', async () => {
    const host = machine();
    await aptManager.remove(host, ['jq', 'unknown'], { signal, emit: silent, purge: false });
    expect([...host.packages.keys()]).toEqual(['needless']);
  });

  it('leaves a package that one of others needs, and says so', async () => {
    const host = machine();
    host.installPackage('report');
    host.installPackage('iptables');
    const events: Event[] = [];
    await aptManager.remove(host, ['jq', 'iptables'], { signal, emit: (event) => void events.push(event), purge: true });
    expect([...host.packages.keys()]).toEqual(['needless', 'libjq1', 'jq', 'report']);
    expect(events).toEqual([{ type: 'note', message: 'Leaving package "jq" on a: report needs it' }]);
  });

  it('asks nothing of apt where nothing is to be removed', async () => {
    const host = machine();
    await aptManager.remove(host, ['unknown'], { signal, emit: silent, purge: false });
    expect(host.lines.filter((line) => line.startsWith('apt-get'))).toEqual([]);
  });
});
