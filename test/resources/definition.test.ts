import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/index.ts';
import { definitionKind } from '../../src/resources/definition.ts';
import { fixedContent } from '../../src/resources/index.ts';
import { AGENT_STATE, AGENT_UNIT, EXECUTABLE } from '../../src/site/index.ts';
import { KIND_CONTEXT } from '../support/kind-context.ts';
import { Installer, SimulatedMachine } from '../support/simulated-machine.ts';

const DEFINITIONS = '/opt/sample/conf';
const DIGESTS = { old: digestOf('old files'), present: digestOf('files') };

function wanted(digest = DIGESTS.present) {
  const content = fixedContent('version: "2.1"\nservices:\n  - { name: a, start: exec a }\n');
  const reload = { digest, commands: [['reload-a']], read: async () => digest };
  return { key: `${DEFINITIONS}/a.yaml`, spec: { content, mode: 0o644, services: ['a'], containers: [], reload }, replaces: false };
}

async function machineWithService(): Promise<SimulatedMachine> {
  const machine = new SimulatedMachine({
    name: 'n1',
    address: '10.0.0.1',
    local: true,
    imageIds: new Map(),
    definitions: DEFINITIONS,
    seedRoot: '/nowhere',
    installer: new Installer(),
  });
  machine.write(EXECUTABLE, 'caisson', 0o755);
  machine.units.set(AGENT_UNIT, { enabled: true, started: 1, loaded: '' });
  machine.programs.set('reload-a', () => ({}));
  await definitionKind.ensure(machine, [wanted()], KIND_CONTEXT);
  return machine;
}

const reloads = (machine: SimulatedMachine): number => machine.lines.filter((line) => line === 'reload-a').length;
const runs = (machine: SimulatedMachine): boolean => machine.units.get('a.service')?.started !== undefined;

describe('the definition of a service that was stopped by hand', () => {
  it('differs from the wanted one, and the service is started', async () => {
    const machine = await machineWithService();
    expect(await definitionKind.look(machine, [wanted()], KIND_CONTEXT)).toEqual([{ state: 'same' }]);
    await machine.run({ argv: ['systemctl', 'stop', '--', 'a.service'] });
    expect(await definitionKind.look(machine, [wanted()], KIND_CONTEXT)).toEqual([
      { state: 'different', why: 'a does not run', isStopped: true },
    ]);
    await definitionKind.ensure(machine, [wanted()], KIND_CONTEXT);
    expect(runs(machine)).toBe(true);
    expect(await definitionKind.look(machine, [wanted()], KIND_CONTEXT)).toEqual([{ state: 'same' }]);
  });

  it('needs no reload for new files once it is started', async () => {
    const machine = await machineWithService();
    await definitionKind.ensure(machine, [wanted(DIGESTS.old)], KIND_CONTEXT);
    expect(reloads(machine)).toBe(1);
    await machine.run({ argv: ['systemctl', 'stop', '--', 'a.service'] });
    expect(await definitionKind.look(machine, [wanted()], KIND_CONTEXT)).toEqual([
      { state: 'different', why: 'a does not run', isStopped: true },
    ]);
    await definitionKind.ensure(machine, [wanted()], KIND_CONTEXT);
    expect([runs(machine), reloads(machine)]).toEqual([true, 1]);
    expect(await definitionKind.look(machine, [wanted()], KIND_CONTEXT)).toEqual([{ state: 'same' }]);
  });

  it('is as wanted while an operator has the node down', async () => {
    const machine = await machineWithService();
    machine.write(`${AGENT_STATE}/held`, 'a\n', 0o600);
    machine.reloadAgent();
    expect(runs(machine)).toBe(false);
    expect(await definitionKind.look(machine, [wanted()], KIND_CONTEXT)).toEqual([{ state: 'same' }]);
  });
});

describe('the definition of a service whose unit file was changed by hand', () => {
  it.each([
    ['written', (machine: SimulatedMachine) => machine.write('/etc/systemd/system/a.service', 'changed by hand\n', 0o644)],
    ['removed', (machine: SimulatedMachine) => machine.files.delete('/etc/systemd/system/a.service')],
  ])('differs, since the agent writes the %s file again and restarts the service', async (_, change) => {
    const machine = await machineWithService();
    await definitionKind.ensure(machine, [wanted(DIGESTS.old)], KIND_CONTEXT);
    change(machine);
    // Older files would be taken over by a reload, and the restart takes them over as well.
    const why = 'a.service is not as the agent wrote it';
    expect(await definitionKind.look(machine, [wanted()], KIND_CONTEXT)).toEqual([{ state: 'different', why }]);
    machine.restarted.splice(0);
    await definitionKind.ensure(machine, [wanted()], KIND_CONTEXT);
    expect(machine.restarted).toEqual(['a.service']);
    expect(reloads(machine)).toBe(1);
    expect(await definitionKind.look(machine, [wanted()], KIND_CONTEXT)).toEqual([{ state: 'same' }]);
  });
});

describe('what a process leaves', () => {
  it('is taken away after it was stopped for good, and not while another definition has the service', async () => {
    const machine = await machineWithService();
    const afterRemoval = [{ service: 'a', argv: ['take-away', 'two words'] }];
    const details = definitionKind.details?.({ ...wanted().spec, afterRemoval }) ?? {};
    const taken = (): readonly string[] => machine.lines.filter((line) => line.startsWith('take-away'));
    machine.programs.set('take-away', () => {
      expect(runs(machine)).toBe(false);
      return {};
    });
    await definitionKind.remove(machine, [{ kind: 'definition', key: wanted().key, owner: 'a', details }], KIND_CONTEXT, { purge: false });
    expect(taken()).toEqual(["take-away 'two words'"]);
  });
});
