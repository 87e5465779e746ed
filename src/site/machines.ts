import { connectHost, openLocalHost } from '../host/index.ts';

/** How an install reaches its machines. Tests put simulated ones in their place. */
export interface Machines {
  /** Connects to a declared node. */
  readonly connect: typeof connectHost;
  /** Opens the machine of this process where it is no node of the cluster. */
  readonly openSeed: typeof openLocalHost;
  /** True where agents answer at their own port; else the program on each host is asked. */
  readonly hasAgentPorts: boolean;
  /** Directory that stands for / where the seed's own files are meant. */
  readonly seedRoot: string;
}

export const REAL_MACHINES: Machines = { connect: connectHost, openSeed: openLocalHost, hasAgentPorts: true, seedRoot: '/' };
