import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Host } from '../../src/host/index.ts';
import { aptMirror, ensureEngine, ensureNodeImage, ensureTools, startLab, type Engine, type Lab } from './index.ts';
import { ADD_NETWORK, LAB_EXAMPLES, MAKE_REPOSITORY, OPEN_NETWORK_SETTINGS } from './resources/examples.ts';
import { connectToLab, describeOnLab } from './resources/lab-kinds.ts';

// The contract of the kinds of resources that need a real systemd, kernel, user database or package manager, on a host behind SSH and
// sudo. CAISSON_LAB_LONG=1 adds further examples
// and a kill at every command, which takes minutes.

const OUTER_PORTS = '/proc/sys/net/ipv4/ip_local_port_range';
const outerPorts = readFileSync(OUTER_PORTS, 'utf8');
const options = { kills: process.env['CAISSON_LAB_LONG'] !== undefined };
let engine: Engine | undefined;
let lab: Lab | undefined;
let host: Host | undefined;

beforeAll(async () => {
  await ensureTools();
  engine = await ensureEngine();
  lab = await startLab({ name: 'resources', engine, image: await ensureNodeImage(engine, aptMirror()), nodes: [{ name: 'h1' }] });
  await lab.exec('h1', ['bash', '-c', OPEN_NETWORK_SETTINGS]);
  await lab.exec('h1', ['bash', '-c', MAKE_REPOSITORY]);
  await lab.exec('h1', ['bash', '-c', ADD_NETWORK]);
  host = await connectToLab(lab, 'h1');
});
afterAll(async () => {
  await host?.close();
  await lab?.stop();
  await engine?.stop();
});

function getHost(): Host {
  if (host === undefined) throw new Error('The host is not there');
  return host;
}

describeOnLab('mount', getHost, LAB_EXAMPLES.mount, options);
describeOnLab('route', getHost, LAB_EXAMPLES.route, options);
describeOnLab('sysctl', getHost, LAB_EXAMPLES.sysctl, options);
describeOnLab('module', getHost, LAB_EXAMPLES.module, options);
describeOnLab('unit', getHost, LAB_EXAMPLES.unit, options);
describeOnLab('user', getHost, LAB_EXAMPLES.user, options);
describeOnLab('package', getHost, LAB_EXAMPLES.package, options);

describe('the machine around the lab', () => {
  it('has the settings of its network that it had', () => {
    expect(readFileSync(OUTER_PORTS, 'utf8')).toBe(outerPorts);
  });
});
