import { join } from 'node:path';
import { beforeAll } from 'vitest';
import { MANIFESTS, writeSampleBundle, type SampleNode } from './sample-install.ts';
import { simulatedSite, type SimulatedSite, type SiteOptions } from './simulated-site.ts';
import { useSharedTempDir } from './temp-dir.ts';
import { useEnding } from './use-sites.ts';

/**
 * The sample platform with an authority of its own, "vault": the store is its server and asks its clients for a certificate,
 * the web servers are its clients and reload for new files.
 */
function vaultManifests(): Readonly<Record<string, string>> {
  const platform = MANIFESTS['platform.yaml'] ?? '';
  const store = MANIFESTS['components/store/component.yaml'] ?? '';
  const web = MANIFESTS['components/web/component.yaml'] ?? '';
  const certificate = 'certificates: [{ name: client, authority: vault, directory: "${var.root}/web", usages: client, onChange: reload,';
  return {
    ...MANIFESTS,
    'platform.yaml': `${platform}authorities: [{ name: vault, summary: The store and its clients }]\n`,
    'components/store/component.yaml': store.replace('name: tls, directory', 'name: tls, authority: vault, directory'),
    'components/web/component.yaml': web
      .replace('services:\n', `${certificate} commonName: "\${node.name}" }]\nservices:\n`)
      .replace('    health:', '    reload: { command: [webctl, reload] }\n    health:'),
  };
}

async function writeVaultBundle(directory: string): Promise<string> {
  return writeSampleBundle(join(directory, 'vault.tar'), { manifests: vaultManifests() });
}

/** The store and a client on one host, a client on another. */
export const VAULT_NODES: readonly SampleNode[] = [
  { name: 'm1', address: '10.0.0.11', roles: ['manage'] },
  { name: 'f1', address: '10.0.0.12', roles: ['front'] },
];

/** `directory` returns the directory of a test. The returned function makes a site with the vault, which ends after the test. */
export function useVaultSites(directory: () => string): (options?: Partial<SiteOptions>) => Promise<SimulatedSite> {
  const shared = useSharedTempDir();
  const ending = useEnding<SimulatedSite>();
  let bundle = '';
  beforeAll(async () => {
    bundle = await writeVaultBundle(shared());
  });
  return async (options) => {
    const site = ending(await simulatedSite({ directory: directory(), bundle, nodes: VAULT_NODES, ...options }));
    for (const machine of site.machines) machine.programs.set('webctl', () => ({}));
    return site;
  };
}
