import { posix } from 'node:path';
import { agentUnit, formatAgentConfig } from '../../agent/index.ts';
import type { BundleRepository } from '../../bundle/index.ts';
import { nodeUuid, type NodeSpec } from '../../cluster/index.ts';
import { digestOfAll, fixedContent, OWNERS, type Content, type PlacedFile, type Resource } from '../../resources/index.ts';
import {
  AGENT_CONFIG,
  AGENT_PORT,
  AGENT_STATE,
  AGENT_UNIT,
  EXECUTABLE,
  HOST_NAMES_BLOCK,
  loginKeyPaths,
  PKI,
  SITE_AUTHORITY,
  UNITS,
} from '../../site/index.ts';
import { depotAuthority, depotUrl, toolsOn, type Declared } from '../declared.ts';
import { bundleCopies } from './bundle-copies.ts';
import { executableResources } from './executable.ts';
import { hostNames } from './host-names.ts';
import { certificateResource, directoryResource, fileResource, loginKeyResource, type At } from './make.ts';
import { packageResources, roleSets } from './packages.ts';
import { repositoryFor } from './repository-for.ts';
import { measuredOn } from './measured.ts';
import { serviceNeeds } from './service-needs.ts';

/** Bytes of one key of a vendor: many signatures by others on it make it large. */
const VENDOR_KEY_LIMIT = 1024 * 1024;
const HOSTS_FILE = '/etc/hosts';
const UNIT_PATH = posix.join(UNITS, AGENT_UNIT);
const PATHS = { authority: posix.join(PKI, 'ca.crt'), certificate: posix.join(PKI, 'node.crt'), key: posix.join(PKI, 'node.key') };

/**
 * Resources of a host that come before its components: names, trust, package source, executable, agent, packages of its
 * roles.
 */
export async function nodeResources(declared: Declared, node: NodeSpec): Promise<readonly Resource[]> {
  const at: At = { host: node.name, owner: OWNERS.host };
  const lines = hostNames(declared.topology, declared.supply.depot);
  const names: Resource = {
    ...at,
    kind: 'block',
    key: `${HOSTS_FILE}#${HOST_NAMES_BLOCK}`,
    digest: digestOfAll(lines),
    spec: { path: HOSTS_FILE, id: HOST_NAMES_BLOCK, lines },
  };
  return [
    ...(await loginResources(declared, node)),
    names,
    ...(await trustResources(declared, node, at)),
    ...(await sourceResources(declared, node, at)),
    // The seed takes its executable from the bundle: seedResources lists it.
    ...(node.name === declared.seed.name ? [] : executableResources(declared, node.name, 'depot')),
    ...agentResources(declared, node, at),
    ...packageResources(declared, node, at, roleSets(declared, node)),
    ...bundleCopies(declared, at),
  ];
}

/** The key of the site, on a node to which cluster.yaml says that the seed logs in by it. */
async function loginResources(declared: Declared, node: NodeSpec): Promise<readonly Resource[]> {
  const { layout, keys } = declared.seed;
  if (node.ssh?.identityFile !== loginKeyPaths(layout).private) return [];
  const user = node.ssh.user ?? declared.topology.spec.ssh.user ?? 'root';
  return [loginKeyResource(node.name, user, (await keys.loginKey()).public)];
}

async function trustResources(declared: Declared, node: NodeSpec, at: At): Promise<readonly Resource[]> {
  const { keys } = declared.seed;
  const authority = await keys.authority(SITE_AUTHORITY);
  const pair = await keys.certificate(`node-${node.name}`, SITE_AUTHORITY, {
    commonName: node.name,
    dnsNames: [node.name],
    addresses: [node.address],
    usages: 'server',
  });
  const registry = declared.topology.platform.registry?.name;
  const registries = [depotAuthority(declared.supply.depot), ...(registry === undefined ? [] : [registry])];
  const own: readonly PlacedFile[] = [
    { path: PATHS.certificate, mode: 0o644, content: pair.certificate },
    { path: PATHS.key, mode: 0o600, content: pair.key },
  ];
  return [
    fileResource(at, { path: PATHS.authority, mode: 0o644, content: authority }),
    certificateResource(at, 'node', own),
    ...(declared.tools.engine?.trust(registries, authority) ?? []).map((file) => fileResource(at, file)),
  ];
}

async function sourceResources(declared: Declared, node: NodeSpec, at: At): Promise<readonly Resource[]> {
  const { supply, seed } = declared;
  const { packages } = toolsOn(declared, node.name);
  const repository = repositoryFor(declared, node);
  const access = packages.access({
    repository,
    depot: depotUrl(supply.depot),
    key: await seed.keys.repositoryKey(),
    vendorKeys: vendorKeys(declared, repository),
  });
  const source: Resource = {
    ...at,
    kind: 'package-source',
    key: packages.note,
    digest: supply.bundle.bundleDigest,
    spec: { access, bundle: supply.bundle.bundleDigest },
  };
  return [
    directoryResource(at, access.lists, { mode: 0o755, contents: 'ours' }),
    ...access.files.map((file) => fileResource(at, file)),
    source,
  ];
}

/** The keys of a repository whose packages have signatures of their vendors. They lie in the bundle. */
function vendorKeys({ supply: { bundle } }: Declared, repository: BundleRepository): readonly Content[] {
  const paths = 'keys' in repository ? repository.keys : [];
  return paths.map((path) => {
    const entry = bundle.entry(path);
    if (entry === undefined) throw new Error(`the bundle has no member "${path}", which its repository "${repository.id}" names`);
    return { digest: entry.digest, read: async () => bundle.read(path, { limit: VENDOR_KEY_LIMIT }) };
  });
}

function agentResources(declared: Declared, node: NodeSpec, at: At): readonly Resource[] {
  const config = fixedContent(agentConfig(declared, node));
  const unit = fixedContent(agentUnit({ executable: EXECUTABLE, config: AGENT_CONFIG }));
  return [
    directoryResource(at, declared.topology.platform.definitionsDirectory, { mode: 0o755 }),
    directoryResource(at, AGENT_STATE, { mode: 0o700, contents: 'ours' }),
    fileResource(at, { path: AGENT_CONFIG, mode: 0o600, content: config }),
    fileResource(at, { path: UNIT_PATH, mode: 0o644, content: unit }),
    {
      ...at,
      kind: 'unit',
      key: AGENT_UNIT,
      digest: digestOfAll([config.digest, unit.digest]),
      spec: { restartOn: [AGENT_CONFIG, UNIT_PATH, EXECUTABLE, PATHS.certificate, PATHS.authority], reloadOn: [] },
    },
  ];
}

function agentConfig({ topology, tools }: Declared, node: NodeSpec): string {
  const { spec, platform } = topology;
  return formatAgentConfig({
    cluster: spec.name,
    node: { name: node.name, address: node.address, uuid: nodeUuid(spec.name, node.name), roles: node.roles.toSorted() },
    definitions: platform.definitionsDirectory,
    state: AGENT_STATE,
    listen: { address: node.address, port: AGENT_PORT },
    tls: PATHS,
    needs: serviceNeeds({ topology }, node),
    ...measuredOn({ topology, tools }, node, PATHS.certificate),
  });
}
