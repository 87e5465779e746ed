import { describe, expect, it } from 'vitest';
import { digestOf, hexOf } from '../../src/core/index.ts';
import { artifactKind } from '../../src/resources/artifact.ts';
import { EXECUTABLE } from '../../src/site/index.ts';
import { KIND_CONTEXT } from '../support/kind-context.ts';
import { Installer, SimulatedMachine } from '../support/simulated-machine.ts';

const CONTEXT = { ...KIND_CONTEXT, engine: undefined };
const LAYERS = '/var/lib/caisson/layers';
const LAYER = { url: 'https://depot/v2/p/blobs/one', digest: digestOf('the layer') };

function wanted(name: string) {
  const image = { name: 'example.com/p:1', config: digestOf('config'), source: 'depot/p@sha256:1' };
  const spec = { mode: 0o755, owner: 'root:root', from: { image, member: `/bin/${name}`, layers: [LAYER] } };
  return { key: `/opt/p/${name}`, spec, replaces: false };
}

/** A host without an engine, whose executable copies `MEMBER of LAYERS`. */
function bareMachine(): SimulatedMachine {
  const machine = new SimulatedMachine({
    name: 'n1',
    address: '10.0.0.1',
    local: true,
    imageIds: new Map(),
    definitions: '/opt/p/conf',
    seedRoot: '/nowhere',
    installer: new Installer(),
  });
  machine.served.set(LAYER.url, 'the layer');
  machine.programs.set(EXECUTABLE, (argv) => {
    const [, command = '', member = '', target = '', ...layers] = argv;
    expect(command).toBe('copy-out');
    machine.write(target, `${member} of ${layers.map((layer) => machine.text(layer)).join(', ')}`, 0o600);
    return {};
  });
  return machine;
}

describe('a file of files.txt', () => {
  const FILE = { url: 'https://depot/files/files/tool.tar.gz', digest: digestOf('the archive') };
  const artifact = (key: string, from: typeof FILE & { readonly member?: string }) => ({
    key,
    spec: { mode: 0o755, owner: 'root:root', from },
    replaces: false,
  });

  function machineWithFile(): SimulatedMachine {
    const machine = bareMachine();
    machine.served.set(FILE.url, 'the archive');
    return machine;
  }

  it.each([
    ['without an engine', CONTEXT],
    ['with one', KIND_CONTEXT],
  ])('is placed itself or by its members on a host %s, from one download for all members', async (_, context) => {
    const machine = machineWithFile();
    const all = [
      artifact('/opt/a', { ...FILE, member: '/a' }),
      artifact('/opt/b', { ...FILE, member: '/b' }),
      artifact('/opt/whole', FILE),
    ];
    await artifactKind.ensure(machine, all, context);
    expect(machine.text('/opt/a')).toBe('/a of the archive');
    expect(machine.text('/opt/b')).toBe('/b of the archive');
    expect(machine.text('/opt/whole')).toBe('the archive');
    expect(machine.lines.filter((line) => line.includes(FILE.url))).toHaveLength(2);
    expect([...machine.files.keys()].filter((path) => path.startsWith(LAYERS))).toEqual([]);
    expect((await artifactKind.look(machine, all, context)).map(({ state }) => state)).toEqual(['same', 'same', 'same']);
    const other = artifact('/opt/a', { ...FILE, digest: digestOf('another archive'), member: '/a' });
    expect((await artifactKind.look(machine, [other], context)).map(({ state }) => state)).toEqual(['different']);
    machine.write('/opt/b', 'changed by hand', 0o755);
    expect((await artifactKind.look(machine, all, context)).map(({ state }) => state)).toEqual(['same', 'different', 'same']);
  });

  it('leaves no archive of a killed run behind when it is removed, with an engine, too', async () => {
    const machine = machineWithFile();
    await artifactKind.ensure(machine, [artifact('/opt/a', { ...FILE, member: '/a' })], KIND_CONTEXT);
    machine.write(`${LAYERS}/${hexOf(FILE.digest)}`, 'the archive', 0o600);
    await artifactKind.remove(machine, [{ kind: 'artifact', key: '/opt/a', owner: 'p' }], KIND_CONTEXT, { purge: false });
    expect([...machine.files.keys()].filter((path) => path.startsWith(LAYERS) || path === '/opt/a')).toEqual([]);
  });
});

describe('a file of an image on a host without a container engine', () => {
  it('is copied out of layers that the depot served, which are fetched once and do not stay', async () => {
    const machine = bareMachine();
    const both = [wanted('a'), wanted('b')];
    await artifactKind.ensure(machine, both, CONTEXT);
    expect(machine.text('/opt/p/a')).toBe('/bin/a of the layer');
    expect(machine.text('/opt/p/b')).toBe('/bin/b of the layer');
    expect(machine.lines.filter((line) => line.includes(LAYER.url))).toHaveLength(1);
    expect([...machine.files.keys()].filter((path) => path.startsWith(LAYERS))).toEqual([]);
    expect(await artifactKind.look(machine, both, CONTEXT)).toEqual([{ state: 'same' }, { state: 'same' }]);
  });

  it('leaves no layer of a killed run behind when it is removed', async () => {
    const machine = bareMachine();
    await artifactKind.ensure(machine, [wanted('a')], CONTEXT);
    machine.write(`${LAYERS}/${hexOf(LAYER.digest)}`, 'the layer', 0o600);
    await artifactKind.remove(machine, [{ kind: 'artifact', key: '/opt/p/a', owner: 'p' }], CONTEXT, { purge: false });
    expect([...machine.files.keys()].filter((path) => path.startsWith(LAYERS) || path.startsWith('/opt/p'))).toEqual([]);
  });
});
