import { expect, it } from 'vitest';
import { systemClock, silent } from '../../src/core/index.ts';
import { removeResources } from '../../src/resources/index.ts';
import { dockerEngine } from '../../src/resources/containers/docker/docker-engine.ts';
import { aptManager } from '../../src/resources/packages/apt/apt-manager.ts';
import { UNITS } from '../../src/site/index.ts';
import { Installer, SimulatedMachine } from '../support/simulated-machine.ts';

function machine(): SimulatedMachine {
  const options = { imageIds: new Map<string, string>(), definitions: '/opt', seedRoot: '/seed', installer: new Installer() };
  return new SimulatedMachine({ name: 'n1', address: '10.0.0.11', local: true, ...options });
}

const context = { packages: aptManager, engine: dockerEngine, clock: systemClock, emit: silent, signal: new AbortController().signal };

it.each([
  { path: `${UNITS}/ours.service`, isTold: true, what: 'the file of a unit' },
  { path: '/etc/ours.conf', isTold: false, what: 'any other file' },
])('systemd is told that $what is gone: $isTold', async ({ path, isTold }) => {
  const host = machine();
  host.write(path, 'text', 0o644);
  await removeResources(host, [{ kind: 'file', key: path, owner: 'ours' }], context, { purge: false });
  expect(host.files.has(path)).toBe(false);
  expect(host.lines.some((line) => line.endsWith('daemon-reload'))).toBe(isTold);
});
