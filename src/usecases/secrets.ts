import { ownerOfSecret, secretUses, type Topology } from '../cluster/index.ts';
import { CaissonError } from '../core/index.ts';
import type { RunSummary } from '../engine/index.ts';
import { suggestName } from '../io/index.ts';
import { openSecretStore, randomSecret, SiteConflictError, type SecretChange } from '../site/index.ts';
import { dataPlaces } from './backup/data-places.ts';
import { planOperation, runOperation, type Approve, type Operation, type OperationOptions } from './operation.ts';
import type { PlannedRun } from './planned-run.ts';
import { readDeclared } from './read-declared.ts';
import { layoutOf, type Session } from './session.ts';

/** The change of one secret that an operator asks for. */
export interface SecretRequest {
  readonly name: string;
  /** The new value; a random one by default. */
  readonly value?: string | undefined;
  /** True to go back to the old value of a change that is under way. */
  readonly undo?: boolean | undefined;
}

export interface ListedSecret {
  readonly name: string;
  /** Component that declares it; undefined for a password of an option, and for one that no component has any more. */
  readonly component?: string;
  /** Components whose files have it in them, with their hosts. */
  readonly users: readonly { readonly component: string; readonly hosts: readonly string[] }[];
  /** Time at which the present value was written on this seed, ISO 8601. */
  readonly since?: string;
  readonly state: 'in force' | 'not made yet' | 'change under way' | 'file of the site';
  /** Path of the file, for a password that the site itself keeps. */
  readonly file?: string;
}

/**
 * Lists the secrets of the site: those that it made, and the password files that cluster.yaml names. Never returns a value.
 * Connects to no host. Throws SITE_UNKNOWN on a machine without a record.
 */
export async function listSecrets(options: OperationOptions): Promise<readonly ListedSecret[]> {
  const { topology } = await readDeclared(options);
  const store = openSecretStore(layoutOf(options).secrets);
  const [kept, changes] = await Promise.all([store.names(), store.changes()]);
  const declared = topology.components.flatMap(({ secrets }) => secrets.map(({ name }) => name));
  const made = [...new Set([...kept, ...declared])].sort().map(async (name): Promise<ListedSecret> => {
    const component = ownerOfSecret(topology, name)?.name;
    const since = (await store.since(name))?.toISOString();
    const isChanging = changes.some((change) => change.name === name);
    return {
      name,
      ...(component === undefined ? {} : { component }),
      users: usersOf(topology, name),
      ...(since === undefined ? {} : { since }),
      state: isChanging ? 'change under way' : since === undefined ? 'not made yet' : 'in force',
    };
  });
  const given = topology.options.secrets.map(({ name, path }): ListedSecret => ({
    name,
    users: usersOf(topology, name),
    state: 'file of the site',
    file: path,
  }));
  return [...(await Promise.all(made)), ...given];
}

/** Plans the change of a secret and changes nothing. Throws as changeSecret does before its first change. */
export async function planSecretChange(options: OperationOptions, request: SecretRequest): Promise<PlannedRun> {
  const change = await changeFor(options, request);
  return planOperation({ ...options, secretChange: change }, operationFor(options, change));
}

/**
 * Gives a secret a new value: the program that knows it takes it by the action of its component, then files and services
 * that use it get it. Both values stay on the seed until the run has ended well; after a kill or a failure the same
 * command, or an install, goes on. Throws USAGE for a name that the site does not have, for a value of which nothing may be
 * made, and for an undo without a change; SITE_CONFLICT for a secret that data were made with and that no action changes;
 * and as runOperation does.
 */
export async function changeSecret(options: OperationOptions, request: SecretRequest, approve: Approve): Promise<RunSummary> {
  const change = await changeFor(options, request);
  return runOperation({ ...options, secretChange: change }, operationFor(options, change), approve);
}

function operationFor(options: OperationOptions, change: SecretChange): Operation {
  return {
    name: 'change secret',
    check: async (session) => refuseHarm(session, change.name),
    approved: () => openSecretStore(layoutOf(options).secrets).begin(change),
  };
}

/** The change that a request means: a new one, the one that is under way, or that one turned round. */
async function changeFor(options: OperationOptions, { name, value, undo = false }: SecretRequest): Promise<SecretChange> {
  const store = openSecretStore(layoutOf(options).secrets);
  const [old, begun] = [await store.peek(name), await store.change(name)];
  if (old === undefined) throw await unknownSecret(options, name, await store.names());
  if (undo) {
    if (begun !== undefined) return { name, old: begun.new, new: begun.old };
    throw new CaissonError('USAGE', `Cannot take the change of "${name}" back: none is under way`, {
      hint: `Former values are not kept. Give it another value: caisson secrets change ${name}`,
    });
  }
  if (begun !== undefined) {
    if (value === undefined || value === begun.new) return begun;
    throw new CaissonError('USAGE', `Cannot change "${name}" to this value: a change to another value is under way`, {
      hint: `End it first: caisson secrets change ${name}; or take it back: caisson secrets change ${name} --undo`,
    });
  }
  if (value === undefined) return { name, old, new: randomSecret(Math.max(old.length, SHORTEST)) };
  requireUsable(name, value);
  if (value === old)
    throw new CaissonError('USAGE', `Cannot change "${name}": this is its value already`, { hint: 'Choose another value' });
  return { name, old, new: value };
}

const SHORTEST = 12;
const LONGEST = 128;

/**
 * Templates put secrets into files of any syntax, and actions into any language. The characters that RFC 3986 (section 2.3)
 * leaves unreserved mean themselves in all of these.
 */
function requireUsable(name: string, value: string): void {
  const isLong = value.length >= SHORTEST && value.length <= LONGEST;
  if (isLong && /^[A-Za-z0-9._~-]*$/.test(value)) return;
  const problem = isLong ? 'it has other characters than letters, digits and . _ ~ -' : `it has ${value.length} characters`;
  throw new CaissonError('USAGE', `Cannot use the new value of "${name}": ${problem}`, {
    hint: `Use ${SHORTEST} to ${LONGEST} letters, digits and . _ ~ -`,
  });
}

async function unknownSecret(options: OperationOptions, name: string, known: readonly string[]): Promise<CaissonError> {
  const { topology } = await readDeclared(options);
  const given = topology.options.secrets.find((secret) => secret.name === name);
  if (given !== undefined) {
    return new CaissonError('USAGE', `Cannot change "${name}": it is the content of "${given.path}", a file of the site`, {
      hint: 'Change it where it is used and in that file, then run: caisson install --offline',
    });
  }
  return new CaissonError('USAGE', `Cannot change "${name}": the site has no such secret`, {
    hint: [suggestName(name, known), 'List them: caisson secrets'].filter((part) => part !== undefined).join(' '),
  });
}

/**
 * A component with data knows the value that its data were made with, whatever its files say later. Without an action that
 * brings it a new value, a change would only lock the others out.
 */
function refuseHarm({ topology, record }: Session, name: string): void {
  const owner = ownerOfSecret(topology, name);
  if (owner === undefined) {
    throw new CaissonError('USAGE', `Cannot change "${name}": no component of the cluster has it`, { hint: 'List them: caisson secrets' });
  }
  if (owner.secrets.some((secret) => secret.name === name && !secret.inData)) return;
  if (owner.actions.some(({ at, secret }) => at === 'secret-change' && secret === name)) return;
  const users = new Set([owner.name, ...usersOf(topology, name).map(({ component }) => component)]);
  const conflicts = [...users].flatMap((component) => {
    const places = (record === undefined ? [] : dataPlaces(record)).filter(({ owner }) => owner === component);
    if (places.length === 0) return [];
    return [
      {
        where: places.map(({ host, path }) => `${host}:${path}`).join(', '),
        problem: `the data of ${component} may have been made with "${name}", and nothing tells ${component} another value`,
        remedy: `Install a bundle whose ${owner.name} declares an action "at: secret-change" for it`,
      },
    ];
  });
  if (conflicts.length > 0) throw new SiteConflictError(conflicts, `change the secret "${name}"`);
}

function usersOf(topology: Topology, name: string): ListedSecret['users'] {
  return secretUses(topology, name).map(({ component, hosts }) => ({ component: component.name, hosts }));
}
