import { dirname } from 'node:path';
import { closeBundles } from '../bundle/index.ts';
import { declaredNodes, newClusterText, parseClusterSpec, readInitChoices, type InitChoices } from '../cluster/index.ts';
import { CaissonError } from '../core/index.ts';
import type { RunSummary } from '../engine/index.ts';
import { ifPresent, isThere, readTextFile, writeFileAtomic } from '../io/index.ts';
import type { Manifests } from '../manifests/index.ts';
import { openFileStore, type SiteRecord } from '../site/index.ts';
import { acceptBundle } from './acceptance.ts';
import { placeLoginKey, siteLogin, tryNewMachine, withFirstLogin, type NewMachine, type ShownKey } from './first-login.ts';
import { refuseOther } from './init-conflicts.ts';
import { mistakesIn, refuseMistakes, unreached } from './init-mistakes.ts';
import { openOnlineSource } from './online-source.ts';
import { openPlatform } from './open-request.ts';
import { planOperation, runOperation, type Approve, type Operation, type OperationOptions } from './operation.ts';
import type { PlannedRun } from './planned-run.ts';
import type { InitOptions, NewSite } from './new-site.ts';
import { layoutOf } from './session.ts';
import { siteSources } from './site-sources.ts';

/**
 * Logs in to the first node by the login that is given for it, and changes nothing. Returns the key that the machine shows when nothing
 * says that it is its own. Does nothing without a login. Throws as initSite does before its first change.
 */
export async function tryInitLogin(options: InitOptions, site: NewSite): Promise<ShownKey | undefined> {
  const { machine } = await declare(options, site);
  return machine === undefined ? undefined : tryNewMachine(options, machine);
}

/** Plans the install of a new site and changes nothing: cluster.yaml is not written. Throws as initSite does before its first change. */
export async function planInit(options: InitOptions, site: NewSite): Promise<PlannedRun> {
  const declared = await declare(options, site);
  return planOperation(declared.options, operationOf(declared));
}

/**
 * Plans with the cluster.yaml that the flags make, asks, writes the file and installs. After a kill or a failure the same command goes
 * on. Throws USAGE with every mistake of the flags, CLUSTER_EXISTS when cluster.yaml is there and says something else, INPUT_CHANGED
 * when it came while the plan was shown, and as runOperation does.
 */
export async function initSite(options: InitOptions, site: NewSite, approve: Approve): Promise<RunSummary> {
  const declared = await declare(options, site);
  const { machine } = declared;
  const approved: Operation['approved'] = async ({ hosts, keys }) => {
    // The file says how to log in only after that way is open, so that an install goes on where this run is killed.
    const host = hosts.get(machine?.node.name ?? '');
    if (host !== undefined && machine !== undefined) await placeLoginKey(host, machine.node, keys, options);
    await writeNew(declared);
  };
  return runOperation(declared.options, { ...operationOf(declared), approved }, approve);
}

/** cluster.yaml as the flags make it, and what a run with it needs. */
interface DeclaredSite {
  readonly path: string;
  readonly text: string;
  /** True when the file is there and says the same; `text` is then its own. */
  readonly isThere: boolean;
  readonly options: OperationOptions;
  readonly machine: NewMachine | undefined;
}

function operationOf({ isThere: isWritten, path, text }: DeclaredSite): Operation {
  const lines = text.split('\n').filter((line) => line !== '' && !line.trim().startsWith('#'));
  return { name: 'install', notes: () => (isWritten ? [] : [`${path} is written:`, ...lines.map((line) => `  ${line}`)]) };
}

async function declare(options: InitOptions, site: NewSite): Promise<DeclaredSite> {
  const path = options.clusterPath;
  if (!(await isThere(dirname(path)))) {
    throw new CaissonError('USAGE', `Cannot write "${path}": there is no directory "${dirname(path)}"`, {
      hint: 'Make it, or name another file with --cluster',
    });
  }
  const record = await openFileStore(layoutOf(options).record).read();
  const existing = await ifPresent(() => readTextFile(path));
  const manifests = await readManifests(options, record);
  const wanted = withKnownLogin(options, site, path, existing);
  const choices = readInitChoices(wanted.typed, manifests.platform);
  const made = textOf(wanted, choices, manifests);
  refuseMistakes([...choices.problems, ...unreached(options, wanted), ...mistakesIn(made, path, manifests, choices)], manifests.platform);
  refuseOther({ path, made, existing, record, supply: options.supply });
  const text = existing ?? made;
  const declared = { path, text, isThere: existing !== undefined };
  const { login } = wanted;
  const [node] = parseClusterSpec(text, path).nodes;
  const machine = login === undefined || node === undefined ? undefined : { node, login, cluster: { path, text } };
  const run = { ...options, clusterText: text };
  return { ...declared, machine, options: machine === undefined ? run : withFirstLogin(run, machine) };
}

/** Reads the manifests of the bundle that the options name. */
async function readManifests(options: InitOptions, record: SiteRecord | undefined): Promise<Manifests> {
  const layout = layoutOf(options);
  const { bundlePaths, online } = await siteSources(options, record, layout);
  const { manifests, bundles } = await openPlatform(bundlePaths, {
    opened: online !== undefined && bundlePaths.length === 0 ? await openOnlineSource(online) : undefined,
    stagedBundles: layout.bundles,
    trust: options.trust,
    accept: online === undefined ? acceptBundle(options.said ?? {}, record) : undefined,
    clock: options.clock,
  });
  await closeBundles(bundles);
  return manifests;
}

/**
 * The site with the login to its node: by the key of the site where another one is given for the first time, and as cluster.yaml has it
 * where the file is there, so that a fingerprint is accepted once.
 */
function withKnownLogin(options: InitOptions, site: NewSite, path: string, existing: string | undefined): NewSite {
  const { node, login } = site;
  const nodes = existing === undefined ? [] : declaredNodes(existing, path);
  const { user, port, identityFile, hostKey } = nodes.find(({ name }) => name === node.name)?.ssh ?? {};
  const ssh = {
    ...(typeof user === 'string' ? { user } : {}),
    ...(typeof port === 'number' ? { port } : {}),
    ...(typeof identityFile === 'string' ? { identityFile } : {}),
    ...(typeof hostKey === 'string' ? { hostKey } : {}),
    ...node.ssh,
  };
  return { ...site, node: { ...node, ssh: login === undefined ? ssh : { ...ssh, ...siteLogin(options, ssh.user) } } };
}

function textOf({ name, domain, depot, network, node }: NewSite, { choices }: InitChoices, { platform }: Manifests): string {
  const roles = node.roles ?? platform.init?.roles ?? [];
  const cluster = { name: name ?? platform.name, domain, depot, network, node: { ...node, roles }, choices };
  return newClusterText(cluster, platform.options);
}

/** Writes cluster.yaml, where it is not there yet. Throws INPUT_CHANGED for another text. */
async function writeNew({ path, text }: DeclaredSite): Promise<void> {
  const before = await ifPresent(() => readTextFile(path));
  if (before === text) return;
  if (before !== undefined) {
    throw new CaissonError('INPUT_CHANGED', `Cannot write "${path}": somebody changed it while the plan was shown`, {
      hint: 'Nothing was changed on any host. Run the command again',
    });
  }
  await writeFileAtomic(path, text);
}
