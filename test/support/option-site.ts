import { join } from 'node:path';
import { MANIFESTS, ONE_NODE, writeSampleBundle } from './sample-install.ts';
import { simulatedSite, type SimulatedSite } from './simulated-site.ts';

/**
 * The sample platform with an option that may change, one that is fixed, and a web server that knows the domain. `more` are further lines
 * of platform.yaml.
 */
export async function writeOptionBundle(directory: string, more = ''): Promise<string> {
  const platform = MANIFESTS['platform.yaml'] ?? '';
  const store = MANIFESTS['components/store/store.conf'] ?? '';
  const web = MANIFESTS['components/web/component.yaml'] ?? '';
  const manifests = {
    ...MANIFESTS,
    'platform.yaml': `${platform}options:
  - name: logging
    summary: Where logs go
    default: file
    choices:
      file: { summary: A file on each host }
      remote:
        summary: A server of the site
        values:
          server: { type: host }
          port: { type: port, default: 514 }
          spares: { type: hosts, default: [none.example] }
  - name: disks
    summary: What keeps data
    default: slow
    fixed: true
    choices: { slow: { summary: Disks }, fast: { summary: Flash } }
${more}`,
    'components/store/store.conf': `${store}logs=\${option.logging.choice} \${option.logging.server}:\${option.logging.port} \${option.logging.spares}\n`,
    'components/web/component.yaml': web.replace('STORE:', 'DOMAIN: "*.${cluster.domain}", STORE:'),
  };
  return writeSampleBundle(join(directory, 'options.tar'), { manifests });
}

/** One machine with that platform installed, whose cluster.yaml says nothing of options and domain. */
export async function optionSite(directory: string, bundle: string): Promise<SimulatedSite> {
  const site = await simulatedSite({ directory, bundle, nodes: ONE_NODE, more: ['# Chosen by the operator.'] });
  await site.install();
  return site;
}
