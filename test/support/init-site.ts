import { rm } from 'node:fs/promises';
import { freePort } from './free-port.ts';
import { writeOptionBundle } from './option-site.ts';
import { simulatedSite, type SimulatedSite, type SiteOptions } from './simulated-site.ts';

/** The sample platform with options and words for `caisson init`. */
export async function writeInitBundle(directory: string): Promise<string> {
  return writeOptionBundle(
    directory,
    `init:
  roles: [manage, front]
  flags:
    logs: { option: logging }
    log-server: { option: logging, choice: remote, value: server }
    log-line: { option: logging, forms: { remote: ['to \${server} or \${spares} or \${spares}', 'to \${server}:\${port}'] } }
    disks: { option: disks }
  instead: { vip: have the name server lead there }
`,
  );
}

/** Address of the machine node1, which is the seed unless `beside` says otherwise. */
export const FIRST_ADDRESS = '10.0.0.11';

/** A machine named node1 that nothing is installed on, without a cluster.yaml, and a free port for its depot. */
export async function initSiteOf(
  directory: string,
  bundle: string,
  options: Partial<SiteOptions> = {},
): Promise<{ readonly site: SimulatedSite; readonly depotPort: number }> {
  const site = await simulatedSite({ directory, bundle, nodes: [{ name: 'node1', address: FIRST_ADDRESS, roles: [] }], ...options });
  await rm(site.options.clusterPath);
  return { site, depotPort: await freePort() };
}
