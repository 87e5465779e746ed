import { formatFlow, type YamlData } from '../io/index.ts';
import type { PlatformOption } from '../manifests/index.ts';
import type { NewChoice } from './edit-options.ts';
import type { NewNode } from './edit-nodes.ts';

/** A cluster of one node. Settings that are undefined are not written. */
export interface NewCluster {
  readonly name: string;
  readonly domain?: string | undefined;
  readonly depot: { readonly address?: string | undefined; readonly port?: number | undefined };
  readonly node: NewNode;
  readonly network: { readonly podCIDR?: string | undefined; readonly serviceCIDR?: string | undefined };
  readonly choices: readonly NewChoice[];
}

const HEAD = `# The declaration of this site, written by "caisson init". It is changed here, by hand or by caisson node and caisson option;
# caisson install carries out what was changed. manifests/examples/cluster.yaml in the bundle explains every key.
apiVersion: caisson/v1
kind: Cluster`;

/**
 * Returns the text of a cluster.yaml that says this and nothing else, with comments for people. The same cluster gives the same text.
 * `options` are those of the platform; their summaries become comments. Whether the cluster is valid is not checked here.
 */
export function newClusterText(cluster: NewCluster, options: readonly Pick<PlatformOption, 'name' | 'summary' | 'fixed'>[]): string {
  const { name, domain, depot, node, network, choices } = cluster;
  const sections = [
    HEAD,
    section('Name of the cluster. It cannot be changed once the cluster is installed.', [pair('name', name)]),
    domain === undefined ? [] : section('Domain of the applications that run on the cluster.', [pair('domain', domain)]),
    map('The registry and package repository that the seed serves from the bundle.', 'depot', [
      ...commented('Address of the seed, which is none of the nodes, by which they reach it.', 'address', depot.address),
      ...commented('Port on the seed.', 'port', depot.port),
    ]),
    section('The hosts of the cluster. Another one: caisson node add NAME --iip ADDRESS --role ROLE --install', nodeLines(node)),
    map('Networks of containers and services. They may meet no network of the site.', 'network', [
      ...commented('Addresses of containers.', 'podCIDR', network.podCIDR),
      ...commented('Addresses of services.', 'serviceCIDR', network.serviceCIDR),
    ]),
    map(
      'Choices among the options of the platform. All of them: caisson option list',
      'options',
      choices.flatMap(({ option, choice, values }) => {
        const { summary = option, fixed = false } = options.find((one) => one.name === option) ?? {};
        const value = Object.keys(values).length === 0 ? choice : { choice, ...values };
        return commented(`${summary}.${fixed ? ' It cannot be changed once the cluster is installed.' : ''}`, option, value);
      }),
    ),
  ];
  const texts = sections.map((lines) => (typeof lines === 'string' ? lines : lines.join('\n'))).filter((text) => text !== '');
  return `${texts.join('\n\n')}\n`;
}

function nodeLines({ name, address, roles, ssh = {} }: NewNode): readonly string[] {
  const login = Object.keys(ssh).length === 0 ? [] : [`    ${pair('ssh', { ...ssh })}`];
  return [
    'nodes:',
    `  - ${pair('name', name)}`,
    '    # Address by which the other hosts reach it, and what it is for.',
    `    ${pair('address', address)}`,
    `    ${pair('roles', [...roles])}`,
    ...(login.length === 0 ? [] : ['    # How the seed logs in to it.', ...login]),
  ];
}

function section(comment: string, lines: readonly string[]): readonly string[] {
  return [`# ${comment}`, ...lines];
}

/** A key with a map below it; nothing when the map is empty. */
function map(comment: string, key: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : section(comment, [`${key}:`, ...lines]);
}

function commented(comment: string, key: string, value: YamlData | undefined): readonly string[] {
  return value === undefined ? [] : [`  # ${comment}`, `  ${pair(key, value)}`];
}

function pair(key: string, value: YamlData): string {
  return `${key}: ${formatFlow(value)}`;
}
