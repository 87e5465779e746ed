import type { Engine } from './engine.ts';
import { run } from './run.ts';

export interface LabNetwork {
  readonly name: string;
  readonly subnet: string;
  readonly gateway: string;
  /** The address with this last number. */
  address(octet: number): string;
}

/** Where a lab looks for room: private networks that sites rarely use. */
const CANDIDATES = Array.from({ length: 40 }, (_, index) => `10.${78 + index}.0`);

/**
 * Makes a network for one lab in the first subnet that no network of the engine and no route of this machine has. With `internal`
 * the engine gives it no way out. Throws when all candidates are taken.
 */
export async function createNetwork(
  engine: Engine,
  name: string,
  labels: Readonly<Record<string, string>>,
  internal: boolean,
): Promise<LabNetwork> {
  let refusal = '';
  for (const prefix of CANDIDATES) {
    const subnet = `${prefix}.0/24`;
    const gateway = `${prefix}.1`;
    const flags = [
      ...(internal ? ['--internal'] : []),
      ...Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]),
      '--driver',
      'bridge',
      '--subnet',
      subnet,
      '--gateway',
      gateway,
    ];
    const made = await engine.docker(['network', 'create', ...flags, name], { expect: 'any' });
    if (made.status === 0) {
      if (internal) await passPackets('--insert', made.stdout.trim());
      return { name, subnet, gateway, address: (octet) => `${prefix}.${octet}` };
    }
    refusal = made.stderr.trim();
    // The engine compares with its other networks and with the routes of its machine.
    if (!/overlap|conflict/i.test(refusal)) break;
  }
  throw new Error(`Cannot make the lab's network: ${refusal}`);
}

/**
 * Lets packets pass from host to host of an internal network whatever their addresses are. The engine drops those that are not of the
 * network, and pods of a host have others. No way out comes of it: they leave by the bridge by which they came.
 */
async function passPackets(verb: '--insert' | '--delete', id: string): Promise<void> {
  const bridge = `br-${id.slice(0, 12)}`;
  const rule = ['DOCKER-USER', '--in-interface', bridge, '--out-interface', bridge, '--jump', 'ACCEPT'];
  // An engine of another kind of system has no such chain, and drops nothing.
  await run(['iptables', '--wait', verb, ...rule], { expect: 'any' });
}

/** Removes networks by their ids, with their rules. */
export async function removeNetworks(engine: Engine, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  for (const id of ids) await passPackets('--delete', id);
  await engine.docker(['network', 'rm', ...ids]);
}
