import { posix } from 'node:path';
import { agentUnit, formatAgentConfig } from '../../agent/index.ts';
import { nodeUuid, type NodeSpec } from '../../cluster/index.ts';
import { daemonReload, enableUnit, ensureBlock, hasBlock, restartUnit, type Host } from '../../host/index.ts';
import { aptFiles, aptGet } from '../apt-access.ts';
import { depotAuthority, hostOf, type InstallContext } from '../context.ts';
import { hostNames } from '../host-names.ts';
import {
  AGENT_CONFIG,
  AGENT_PORT,
  AGENT_STATE,
  AGENT_UNIT,
  APT,
  APT_LISTS,
  EXECUTABLE,
  HOST_NAMES_BLOCK,
  PKI,
  UNITS,
} from '../../site/index.ts';
import { areAsWanted, putInPlace, type ManagedDirectory, type ManagedFile } from '../managed-files.ts';
import { runPackageTool } from '../package-tool.ts';
import { repositoryFor } from '../repository-for.ts';
import type { CertificateSubject } from '../site-authority.ts';
import type { Step } from '../step.ts';
import { isRunningWith } from '../unit-freshness.ts';
import { stepsOf } from './make-step.ts';
import { executableEntry, executableStep } from './place-executable.ts';
import { readRepositoryKey } from './start-depot.ts';

const step = stepsOf('prepare-hosts');
const HOSTS_FILE = '/etc/hosts';
const UNIT_PATH = posix.join(UNITS, AGENT_UNIT);

/** What every host needs before components: names, trust, packages from the depot, the agent. */
export function prepareHosts(context: InstallContext, needs: readonly string[]): readonly Step[] {
  return context.spec.nodes.flatMap((node) => prepareHost(context, node, needs));
}

/** The id of the last step of a host's preparation. */
export function preparedId(node: NodeSpec): string {
  return `prepare-hosts/${node.name}/agent`;
}

function prepareHost(context: InstallContext, node: NodeSpec, needs: readonly string[]): readonly Step[] {
  const host = hostOf(context, node.name);
  const names = namesStep(context, host, needs);
  const trust = trustStep(context, node, host, [names.id]);
  const packages = packagesStep(context, node, host, [trust.id]);
  // The seed got its executable from the staged bundle.
  const executable =
    host === context.seed
      ? []
      : [
          executableStep(context, step, host, {
            entry: executableEntry(context, context.architectures.get(node.name) ?? 'amd64'),
            needs: [trust.id],
          }),
        ];
  return [names, trust, packages, ...executable, agentStep(context, node, host, [packages.id, ...executable.map(({ id }) => id)])];
}

function namesStep(context: InstallContext, host: Host, needs: readonly string[]): Step {
  const lines = hostNames(context);
  return step(host.name, 'names', {
    summary: 'write the names of the cluster to /etc/hosts',
    needs,
    isDone: ({ signal }) => hasBlock(host, HOSTS_FILE, HOST_NAMES_BLOCK, lines, { signal }),
    apply: ({ signal }) => ensureBlock(host, HOSTS_FILE, HOST_NAMES_BLOCK, lines, { signal }),
  });
}

function trustStep(context: InstallContext, node: NodeSpec, host: Host, needs: readonly string[]): Step {
  const files = async (how: 'peek' | 'obtain'): Promise<readonly ManagedFile[] | undefined> => {
    const issuer = await context.authority.peekAuthority();
    const pair = await context.authority[how](`node-${node.name}`, nodeSubject(node));
    if (issuer === undefined || pair === undefined) return undefined;
    const registry = context.topology.platform.registry?.name;
    const registries = [depotAuthority(context.depot), ...(registry === undefined ? [] : [registry])];
    return [
      { path: posix.join(PKI, 'ca.crt'), content: issuer, mode: 0o644 },
      { path: posix.join(PKI, 'node.crt'), content: pair.certificate, mode: 0o644 },
      { path: posix.join(PKI, 'node.key'), content: pair.key, mode: 0o600 },
      ...registries.map((name) => ({ path: `/etc/docker/certs.d/${name}/ca.crt`, content: issuer, mode: 0o644 })),
    ];
  };
  return step(host.name, 'trust', {
    summary: 'give the host its certificate and the authority to trust',
    needs,
    isDone: async ({ signal }) => {
      const wanted = await files('peek');
      return wanted !== undefined && (await areAsWanted(host, { files: wanted }, signal));
    },
    apply: async ({ signal }) => {
      await putInPlace(host, { files: (await files('obtain')) ?? [] }, signal);
    },
  });
}

function nodeSubject(node: NodeSpec): CertificateSubject {
  return { commonName: node.name, dnsNames: [node.name], addresses: [node.address], usages: 'both' };
}

function packagesStep(context: InstallContext, node: NodeSpec, host: Host, needs: readonly string[]): Step {
  const repository = repositoryFor(context, node);
  const files = async (): Promise<readonly ManagedFile[]> => {
    const key = await readRepositoryKey(context.seedLayout);
    return key === undefined ? [] : aptFiles(repository, context.depot, key);
  };
  const directories: readonly ManagedDirectory[] = [{ path: APT_LISTS, mode: 0o755 }];
  const release = posix.join(APT_LISTS, `${listName(context, repository.path)}_dists_${repository.codename}_InRelease`);
  // Written after apt took the repository's metadata: says for which bundle.
  const taken: ManagedFile = { path: posix.join(APT, 'updated-for'), content: `${context.bundle.bundleDigest}\n`, mode: 0o644 };
  return step(host.name, 'package-source', {
    summary: 'make the depot a source of packages, beside the sources that the host has',
    needs,
    isDone: async ({ signal }) => {
      const wanted = await files();
      if (wanted.length === 0 || !(await areAsWanted(host, { files: [...wanted, taken], directories }, signal))) return false;
      return (await host.run({ argv: ['test', '-s', release] }, { signal })).exitCode === 0;
    },
    apply: async ({ signal, emit }) => {
      await putInPlace(host, { files: await files(), directories }, signal);
      await runPackageTool(host, aptGet('update', '-o', 'APT::Update::Error-Mode=any'), { signal, emit });
      await putInPlace(host, { files: [taken] }, signal);
    },
  });
}

/** How apt names the lists of a repository: its URL without the scheme, slashes as underscores. */
function listName(context: InstallContext, path: string): string {
  return `${context.depot.name}:${context.depot.port}/${path}`.replaceAll('_', '%5f').replaceAll('/', '_');
}

function agentStep(context: InstallContext, node: NodeSpec, host: Host, needs: readonly string[]): Step {
  const directories: readonly ManagedDirectory[] = [
    { path: context.topology.platform.definitionsDirectory, mode: 0o755 },
    { path: AGENT_STATE, mode: 0o700 },
  ];
  const files: readonly ManagedFile[] = [
    { path: AGENT_CONFIG, mode: 0o600, content: agentConfig(context, node) },
    { path: UNIT_PATH, mode: 0o644, content: agentUnit({ executable: EXECUTABLE, config: AGENT_CONFIG }) },
  ];
  const restartOn = [AGENT_CONFIG, UNIT_PATH, EXECUTABLE, posix.join(PKI, 'node.crt'), posix.join(PKI, 'ca.crt')];
  return step(host.name, 'agent', {
    summary: 'run the agent',
    needs,
    isDone: async ({ signal }) =>
      (await areAsWanted(host, { files, directories }, signal)) && (await isRunningWith(host, AGENT_UNIT, restartOn, signal)),
    apply: async ({ signal }) => {
      await putInPlace(host, { files, directories }, signal);
      await daemonReload(host, { signal });
      await enableUnit(host, AGENT_UNIT, { signal });
      await restartUnit(host, AGENT_UNIT, { signal });
    },
  });
}

function agentConfig(context: InstallContext, node: NodeSpec): string {
  return formatAgentConfig({
    cluster: context.spec.name,
    node: { name: node.name, address: node.address, uuid: nodeUuid(context.spec.name, node.name), roles: [...node.roles] },
    definitions: context.topology.platform.definitionsDirectory,
    state: AGENT_STATE,
    listen: { address: node.address, port: AGENT_PORT },
    tls: { certificate: posix.join(PKI, 'node.crt'), key: posix.join(PKI, 'node.key'), authority: posix.join(PKI, 'ca.crt') },
  });
}
