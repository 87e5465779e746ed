import { optionProblems, parseClusterSpec, setChoice, setDomain, typedValues, type NewChoice, type Topology } from '../cluster/index.ts';
import { CaissonError } from '../core/index.ts';
import type { RunSummary } from '../engine/index.ts';
import { suggestName } from '../io/index.ts';
import { dnsNameField, type OptionValue, type PlatformOption } from '../manifests/index.ts';
import { SiteConflictError, type SiteRecord } from '../site/index.ts';
import { editCluster, writeCluster, type EditedCluster } from './edited-cluster.ts';
import { planOperation, runOperation, type Approve, type OperationOptions } from './operation.ts';
import type { PlannedRun } from './planned-run.ts';
import { readDeclared } from './read-declared.ts';

/** The domain of the applications is a key of its own in cluster.yaml; it is set and listed like an option. */
const DOMAIN = 'domain';

/** A choice for an option, with the values that it needs to know, as they are typed. */
export interface OptionChange {
  readonly name: string;
  readonly choice: string;
  readonly values: Readonly<Record<string, string>>;
}

export interface ListedOption {
  readonly name: string;
  readonly summary: string;
  readonly choice: string;
  /** Values of the choice, with defaults filled in; a path in place of a password. */
  readonly values: Readonly<Record<string, OptionValue>>;
  /** All choices. Empty for the domain, which is any DNS name. */
  readonly choices: readonly string[];
  /** Reason why it can be changed no more; absent when it can. */
  readonly fixed?: string;
}

/** Lists the options of the platform with the choices of the site. Connects to no host. Throws as openRequest does. */
export async function listOptions(options: OperationOptions): Promise<readonly ListedOption[]> {
  const { topology, record } = await readDeclared(options);
  const { platform } = topology.manifests;
  const listed = platform.options.map((option): ListedOption => {
    const { name, summary, choices } = option;
    const fixed = fixedReason(option, record);
    return { name, summary, ...chosenIn(topology, name), choices: Object.keys(choices), ...(fixed === undefined ? {} : { fixed }) };
  });
  if (platform.options.some(({ name }) => name === DOMAIN)) return listed;
  const summary = 'Domain of the applications that run on the cluster';
  return [...listed, { name: DOMAIN, summary, choice: topology.spec.domain, values: {}, choices: [] }];
}

/** Plans the change of an option and changes nothing, cluster.yaml included. Throws as changeOption does before its first change. */
export async function planOptionChange(options: OperationOptions, change: OptionChange): Promise<PlannedRun> {
  const edited = await editOption(options, change);
  return planOperation(edited.options, { name: 'option', notes: () => notesOf(edited, change) });
}

/**
 * Writes another choice into cluster.yaml once the plan with it is approved, and carries that plan out. After a kill or a
 * failure the same command, or an install, goes on. Throws USAGE for an option, choice or value that the platform does not
 * have, SITE_CONFLICT for an option that was fixed by the install, INPUT_CHANGED when the file was changed while the plan
 * was shown, and as runOperation does.
 */
export async function changeOption(options: OperationOptions, change: OptionChange, approve: Approve): Promise<RunSummary> {
  const edited = await editOption(options, change);
  return runOperation(
    edited.options,
    { name: 'option', notes: () => notesOf(edited, change), approved: () => writeCluster(edited) },
    approve,
  );
}

function notesOf({ before, after, sources }: EditedCluster, { name, choice }: OptionChange): readonly string[] {
  return before === after ? [] : [`${sources.clusterPath} gets "${choice}" as ${name}`];
}

async function editOption(options: OperationOptions, change: OptionChange): Promise<EditedCluster> {
  const { topology, record } = await readDeclared(options);
  const { platform } = topology.manifests;
  const option = platform.options.find(({ name }) => name === change.name);
  if (option === undefined) {
    if (change.name === DOMAIN) return editDomain(options, change);
    const hint = suggestName(change.name, [...platform.options.map(({ name }) => name), DOMAIN]);
    throw refused(
      change,
      'the platform has no such option',
      [hint, 'List them: caisson option list'].filter((part) => part !== undefined).join(' '),
    );
  }
  const wanted: NewChoice = { option: option.name, choice: change.choice, values: typedValues(option, change.choice, change.values) };
  const fixed = fixedReason(option, record);
  if (fixed !== undefined && differs(topology, wanted)) {
    throw new SiteConflictError(
      [{ where: `cluster.yaml: options.${option.name}`, problem: fixed, remedy: 'Keep it; another choice needs a new cluster' }],
      `set the option "${option.name}"`,
    );
  }
  const edited = await editCluster(options, (text, file) => setChoice(text, file, wanted));
  const problems = optionProblems(parseClusterSpec(edited.after, edited.sources.clusterPath), { platform });
  if (problems.length === 0) return edited;
  const lines = problems.map(({ path, reason, remedy }) => `${path}: ${reason}${remedy === undefined ? '' : ` (${remedy})`}`);
  throw refused(change, lines.join('; '), `Its choices: ${Object.keys(option.choices).join(', ')}; nothing was written`);
}

async function editDomain(options: OperationOptions, change: OptionChange): Promise<EditedCluster> {
  const isName = dnsNameField.safeParse(change.choice).success && change.choice.includes('.');
  if (!isName) throw refused(change, `"${change.choice}" is not a domain`, 'Write it as apps.example.com, in lower case');
  if (Object.keys(change.values).length > 0) throw refused(change, 'a domain has no values', 'Leave out what follows the domain');
  return editCluster(options, (text, file) => setDomain(text, file, change.choice));
}

function refused({ name }: OptionChange, reason: string, hint: string): CaissonError {
  return new CaissonError('USAGE', `Cannot set "${name}": ${reason}`, { hint });
}

function fixedReason({ name, fixed }: PlatformOption, record: SiteRecord | undefined): string | undefined {
  const setting = record?.settings[`options.${name}`];
  if (!fixed || setting === undefined) return undefined;
  return `it was "${setting}" when the cluster was installed, and what runs there would lose its data with another choice`;
}

/** The choice of the site for an option, with all its values. */
function chosenIn({ options }: Topology, name: string): Pick<ListedOption, 'choice' | 'values'> {
  const { choice = '', values = {} } = options.options.get(name) ?? {};
  const files = options.secrets.filter((secret) => secret.name.startsWith(`${name}-`));
  return { choice, values: { ...values, ...Object.fromEntries(files.map((secret) => [secret.name.slice(name.length + 1), secret.path])) } };
}

function differs(topology: Topology, { option, choice, values }: NewChoice): boolean {
  const chosen = chosenIn(topology, option);
  const isOther = ([name, value]: [string, OptionValue]): boolean => JSON.stringify(chosen.values[name]) !== JSON.stringify(value);
  return chosen.choice !== choice || Object.entries(values).some(isOther);
}
