import { readFile } from 'node:fs/promises';
import type { FirstLogin } from '../../src/ssh/index.ts';
import { loginKeyPaths, seedLayout, type Machines } from '../../src/site/index.ts';
import type { SimulatedSite } from './simulated-site.ts';

/** A machine that lets one user in: by a login that is used once, and by the keys in its authorized_keys. */
export interface LockedMachine {
  readonly name: string;
  readonly user: string;
  /** True for a login that the machine takes. */
  readonly takes: (login: FirstLogin) => boolean;
}

/** The machines of a site, of which one is locked. */
export function lockMachine(site: SimulatedSite, { name, user, takes }: LockedMachine): Machines {
  const { machines } = site.options;
  if (machines === undefined) throw new Error('the machines are not simulated');
  const keys = loginKeyPaths(seedLayout(site.seedRoot));
  const authorized = `${user === 'root' ? '/root' : `/home/${user}`}/.ssh/authorized_keys`;
  const hasKey = async (): Promise<boolean> => {
    const key = await readFile(keys.public, 'utf8').catch(() => 'no key');
    return site.machine(name).text(authorized).includes(key.trim());
  };
  return {
    ...machines,
    connect: async (node, ssh, options) => {
      if (node.name !== name) return machines.connect(node, ssh, options);
      const login = options.firstLogins?.get(name);
      const isKnown = login === undefined ? node.ssh?.identityFile === keys.private && (await hasKey()) : takes(login);
      if (!isKnown || (node.ssh?.user ?? 'root') !== user) throw new Error(`${name} lets nobody in`);
      return machines.connect(node, ssh, options);
    },
  };
}
