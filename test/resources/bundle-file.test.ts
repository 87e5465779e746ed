import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/index.ts';
import { bundleKind, IN_FORCE, type FetchedBundleSpec } from '../../src/resources/bundle-file.ts';
import { EXECUTABLE } from '../../src/site/index.ts';
import { KIND_CONTEXT } from '../support/kind-context.ts';
import { Installer, SimulatedMachine } from '../support/simulated-machine.ts';

const PATH = '/var/lib/caisson/bundles/a.tar';
const URL = 'https://depot:5443/bundles/a.tar';
const SPEC: FetchedBundleSpec = { digest: digestOf('bundle'), of: digestOf('whole'), url: URL, size: 6 };

/** A host whose depot serves these bytes, which are the bundle of that digest. */
function hostWith(served: string, digest: string): SimulatedMachine {
  const machine = new SimulatedMachine({
    name: 'n1',
    address: '10.0.0.1',
    local: false,
    imageIds: new Map(),
    definitions: '/opt',
    seedRoot: '/nowhere',
    installer: new Installer(),
  });
  machine.write(EXECUTABLE, 'caisson', 0o755);
  machine.served.set(URL, served);
  machine.copies.set(served, digest);
  return machine;
}

const make = (machine: SimulatedMachine): Promise<void> =>
  bundleKind.ensure(machine, [{ key: PATH, spec: SPEC, replaces: false }], KIND_CONTEXT);

function filesOf(machine: SimulatedMachine): readonly string[] {
  return [...machine.files.keys()].filter((path) => path.startsWith('/var/lib/caisson/bundles/'));
}

describe('a copy of the bundle that a host fetches', () => {
  it('gets its name once it was verified there, and is not fetched again', async () => {
    const machine = hostWith('bundle', SPEC.digest);
    await make(machine);
    expect(filesOf(machine)).toEqual([PATH]);
    expect(machine.lines.filter((line) => line.includes('verify'))).toHaveLength(1);
    await make(machine);
    expect(machine.lines.filter((line) => line.includes('verify'))).toHaveLength(1);
  });

  it('that is another bundle than the wanted one is refused, and nothing of it stays', async () => {
    const machine = hostWith('other!', digestOf('other!'));
    await expect(make(machine)).rejects.toMatchObject({
      code: 'BUNDLE_DAMAGED',
      message: `Cannot keep a copy of the bundle on "n1": the depot serves another than ${SPEC.digest}`,
      hint: expect.stringContaining('Run the same command again'),
    });
    expect(filesOf(machine)).toEqual([]);
  });

  it.each(['', 'no JSON\n', 'null\n', '"bundle"\n', '{"type":"result"}\n'])(
    'is refused where the host says %j in place of its digest',
    async (stdout) => {
      const machine = hostWith('bundle', SPEC.digest);
      const run = machine.run.bind(machine);
      machine.run = (command, options) =>
        command.argv[1] === 'verify' ? Promise.resolve({ exitCode: 0, stdout, stderr: '' }) : run(command, options);
      await expect(make(machine)).rejects.toMatchObject({ code: 'BUNDLE_DAMAGED' });
      expect(filesOf(machine)).toEqual([]);
    },
  );

  it('is taken from the last line that the host says, behind what it says on its way', async () => {
    const machine = hostWith('bundle', SPEC.digest);
    const run = machine.run.bind(machine);
    const stdout = `{"type":"bundle.verified"}\n${JSON.stringify({ type: 'result', bundleDigest: SPEC.digest })}\n`;
    machine.run = (command, options) =>
      command.argv[1] === 'verify' ? Promise.resolve({ exitCode: 0, stdout, stderr: '' }) : run(command, options);
    await make(machine);
    expect(filesOf(machine)).toEqual([PATH]);
  });

  it('that is shorter than the wanted one differs', async () => {
    const machine = hostWith('bundle', SPEC.digest);
    const look = () => bundleKind.look(machine, [{ key: PATH, spec: SPEC }], KIND_CONTEXT);
    expect(await look()).toEqual([{ state: 'absent' }]);
    machine.write(PATH, 'bun', 0o644);
    expect(await look()).toEqual([{ state: 'different', why: 'it has 3 bytes, want 6' }]);
  });

  it('goes with all that a killed fetch, fill or lock left beside it, and with nothing else', async () => {
    const machine = hostWith('bundle', SPEC.digest);
    const beside = ['', '.copy', '.copy.caisson-new', '.partial', '.partial.journal', '.lock'].map((suffix) => `${PATH}${suffix}`);
    const other = '/var/lib/caisson/bundles/b.tar';
    for (const path of [...beside, other]) machine.write(path, 'x', 0o644);
    await bundleKind.remove(machine, [{ kind: 'bundle', key: PATH, owner: 'caisson' }], KIND_CONTEXT, { purge: false });
    expect(filesOf(machine)).toEqual([other]);
  });

  it('is in force by the record, and one that is kept for a return is not', () => {
    expect(bundleKind.details?.(SPEC)).toEqual({ of: SPEC.of, [IN_FORCE]: 'yes' });
    const kept = { digest: SPEC.digest, of: SPEC.of, isPlaced: async () => true, place: async () => {} };
    expect(bundleKind.details?.(kept)).toEqual({ of: SPEC.of });
  });
});
