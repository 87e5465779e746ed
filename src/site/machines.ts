import { openLocalHost } from '../host/index.ts';
import { connectHost, isOwnAddress } from '../ssh/index.ts';

/** Functions by which an install reaches its machines. Tests replace them to simulate machines. */
export interface Machines {
  /** Connects to a declared node. */
  readonly connect: typeof connectHost;
  /** Opens the machine that this process runs on. Used when that machine is not a node of the cluster. */
  readonly openSeed: typeof openLocalHost;
  /** True for an address of the machine that this process runs on; asked of its interfaces by default. */
  readonly isOwnAddress?: typeof isOwnAddress;
  /** True when agents answer on their own port. When false, the executable on each host is run to ask its agent. */
  readonly hasAgentPorts: boolean;
  /** Root directory of the files of the seed: / except in tests. */
  readonly seedRoot: string;
}

export const REAL_MACHINES: Machines = { connect: connectHost, openSeed: openLocalHost, isOwnAddress, hasAgentPorts: true, seedRoot: '/' };
