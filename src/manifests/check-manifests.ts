import { hasCode, topologicalOrder, type InputProblem } from '../core/index.ts';
import { suggestName, type DocumentPath, type YamlDocument } from '../io/index.ts';
import { checkDrains } from './check-drains.ts';
import { checkInit } from './check-init.ts';
import { checkOptions } from './check-options.ts';
import type { Component } from './component.ts';
import type { ProblemCollector } from './invalid-manifests-error.ts';
import { componentNames, type LoadedDocument, type LoadedManifests } from './loaded-manifests.ts';
import { checkPlaceholders } from './check-placeholders.ts';

/** Checks the references between manifests, and their file names. Adds every mistake to `problems`; throws nothing. */
export async function checkManifests(loaded: LoadedManifests, problems: ProblemCollector): Promise<void> {
  checkFileNames(loaded, problems);
  checkPlatform(loaded, problems);
  checkOptions(loaded, problems);
  checkInit(loaded, problems);
  checkRoles(loaded, problems);
  checkComponents(loaded, problems);
  checkCircles(loaded, problems);
  checkDrains(loaded, problems);
  await checkOperatingSystems(loaded, problems);
  checkPlaceholders(loaded, problems);
}

function checkFileNames(loaded: LoadedManifests, problems: ProblemCollector): void {
  const expectName = (document: LoadedDocument<{ readonly name: string }>, fromPath: string | undefined): void => {
    if (document.value === undefined || document.value.name === fromPath) return;
    add(problems, document, ['name'], `is "${document.value.name}", but the file says "${fromPath}"`, 'use the same name for both');
  };
  for (const role of loaded.roles) expectName(role, /^roles\/(.*)\.yaml$/.exec(role.path)?.[1]);
  for (const component of loaded.components) expectName(component, component.path.split('/')[1]);
  for (const system of loaded.operatingSystems) {
    if (system.value === undefined) continue;
    const wanted = `os/${system.value.id}-${system.value.version}.yaml`;
    if (system.path !== wanted) add(problems, system, ['id'], `id and version are those of "${wanted}"`, 'rename the file');
  }
}

function checkPlatform(loaded: LoadedManifests, problems: ProblemCollector): void {
  const { platform } = loaded;
  if (platform?.value === undefined) return;
  const components = componentNames(loaded);
  const { registry, hostNames } = platform.value;
  if (registry !== undefined) {
    expectKnown(problems, platform, ['registry', 'component'], 'component', registry.component, components);
    if (registry.entry !== undefined) expectKnown(problems, platform, ['registry', 'entry'], 'component', registry.entry, components);
    if (registry.login !== undefined) {
      const keeper = loaded.components.find(({ value }) => value?.name === registry.component)?.value;
      const own = new Set(keeper?.secrets.map(({ name }) => name));
      expectKnown(problems, platform, ['registry', 'login', 'secret'], `secret of "${registry.component}"`, registry.login.secret, own);
    }
  }
  for (const [index, { component }] of hostNames.entries()) {
    expectKnown(problems, platform, ['hostNames', index, 'component'], 'component', component, components);
  }
}

function checkRoles(loaded: LoadedManifests, problems: ProblemCollector): void {
  const components = componentNames(loaded);
  for (const role of loaded.roles) {
    if (role.value === undefined) continue;
    checkList(problems, role, ['components'], 'component', role.value.components, components);
    checkPackageSets(loaded, problems, role, role.value.packageSets);
    const { minimum, maximum } = role.value;
    if (maximum !== undefined && maximum < minimum) add(problems, role, ['maximum'], `${maximum} is less than the minimum, ${minimum}`);
  }
}

function checkComponents(loaded: LoadedManifests, problems: ProblemCollector): void {
  const components = componentNames(loaded);
  const services = new Map<string, string>();
  const secrets = new Map<string, string>();
  const alerts = new Map<string, string>();
  for (const component of loaded.components) {
    const { value } = component;
    if (value === undefined) continue;
    checkList(
      problems,
      component,
      ['needs'],
      'component',
      value.needs.map((need) => need.component),
      components,
    );
    checkList(problems, component, ['unless'], 'component', value.unless, components);
    checkPackageSets(loaded, problems, component, value.packageSets);
    for (const [name, { each }] of Object.entries(value.values)) {
      if (each !== undefined) expectKnown(problems, component, ['values', name, 'each'], 'component', each, components);
    }
    for (const [index, alert] of value.alerts.entries()) {
      expectUnused(problems, component, ['alerts', index, 'name'], 'alert', alert.name, alerts);
    }
    for (const [index, service] of value.services.entries()) {
      expectUnused(problems, component, ['services', index, 'name'], 'service', service.name, services);
      const mounts = new Set(value.mounts.map(({ path }) => path));
      if (service.mount !== undefined)
        expectKnown(problems, component, ['services', index, 'mount'], 'mount of the component', service.mount, mounts);
    }
    for (const [index, secret] of value.secrets.entries()) {
      expectUnused(problems, component, ['secrets', index, 'name'], 'secret', secret.name, secrets);
    }
    checkRepeats(
      problems,
      component,
      'files',
      value.files.map((file) => file.path),
    );
    checkActions(component, value, components, problems);
    checkEngine(loaded, component, value, problems);
    checkArtifacts(component, value, problems);
    checkAuthorities(loaded, component, value, problems);
    checkRepeats(
      problems,
      component,
      'certificates',
      value.certificates.map((certificate) => certificate.name),
    );
  }
}

function checkActions(
  component: LoadedDocument<Component>,
  { actions, placement, secrets }: Component,
  components: ReadonlySet<string>,
  problems: ProblemCollector,
): void {
  checkRepeats(
    problems,
    component,
    'actions',
    actions.map(({ name }) => name),
  );
  const own = new Set(secrets.map(({ name }) => name));
  for (const [index, { at, on, secret }] of actions.entries()) {
    if (typeof on !== 'string')
      expectKnown(problems, component, ['actions', index, 'on', 'component'], 'component', on.component, components);
    if (at === 'join' && placement !== 'quorum') {
      add(problems, component, ['actions', index, 'at'], 'is join, but the component is no quorum', 'set placement: quorum');
    }
    if (secret !== undefined) expectKnown(problems, component, ['actions', index, 'secret'], 'secret of the component', secret, own);
  }
  checkDataFiles(component, actions, problems);
  checkCordons(component, actions, problems);
}

/** Checks that a component with a cordon action has an uncordon action, and the other way round. */
function checkCordons(component: LoadedDocument<Component>, actions: Component['actions'], problems: ProblemCollector): void {
  for (const [moment, other] of [
    ['cordon', 'uncordon'],
    ['uncordon', 'cordon'],
  ] as const) {
    const index = actions.findIndex(({ at }) => at === moment);
    if (index < 0 || actions.some(({ at }) => at === other)) continue;
    add(
      problems,
      component,
      ['actions', index, 'at'],
      `is ${moment}, and no action of the component is ${other}`,
      'a cordon needs a way back',
    );
  }
}

/** Checks that backups write files of different names, and that each of them is put back and nothing else is. */
function checkDataFiles(component: LoadedDocument<Component>, actions: Component['actions'], problems: ProblemCollector): void {
  const filesAt = (moment: 'backup' | 'restore'): ReadonlySet<string | undefined> =>
    new Set(actions.filter(({ at }) => at === moment).map(({ file }) => file));
  const [written, read] = [filesAt('backup'), filesAt('restore')];
  for (const [index, { at, file }] of actions.entries()) {
    if (file === undefined) continue;
    const where = ['actions', index, 'file'];
    if (at === 'restore' && !written.has(file)) add(problems, component, where, `no backup action of the component writes "${file}"`);
    if (at !== 'backup') continue;
    if (!read.has(file)) add(problems, component, where, `no restore action of the component reads "${file}"`, 'a backup needs a way back');
    if (actions.findIndex((other) => other.at === 'backup' && other.file === file) < index) {
      add(problems, component, where, `another backup action writes "${file}", too`);
    }
  }
}

/** Checks that nothing needs a container engine on a platform whose hosts have none. */
function checkEngine(
  { platform }: LoadedManifests,
  component: LoadedDocument<Component>,
  { services, actions, images }: Component,
  problems: ProblemCollector,
): void {
  if (platform?.value?.containerEngine !== false) return;
  const refuse = (path: DocumentPath, remedy: string): void =>
    add(problems, component, path, 'needs a container engine, and platform.yaml says containerEngine: false', remedy);
  for (const [index, { container }] of services.entries())
    if (container !== undefined) refuse(['services', index, 'container'], 'make it a process, with its program among artifacts');
  for (const [index, { container }] of actions.entries())
    if (container !== undefined) refuse(['actions', index, 'container'], 'make it a command');
  if (images.length > 0) refuse(['images'], 'leave it out: what pulls images takes them from the depot');
}

/** Checks that each artifact comes from one place. */
function checkArtifacts(component: LoadedDocument<Component>, { artifacts }: Component, problems: ProblemCollector): void {
  for (const [index, { image, file, member }] of artifacts.entries()) {
    const where = ['artifacts', index];
    if (image === undefined && file === undefined)
      add(problems, component, where, 'has neither image nor file', 'name an image of images.txt, or a file of files.txt');
    if (image !== undefined && file !== undefined)
      add(problems, component, [...where, 'file'], 'cannot stand beside image', 'leave one of them out');
    if (image !== undefined && member === undefined)
      add(problems, component, where, 'has no member', 'name the path of the file in the image');
  }
}

function checkAuthorities(
  { platform }: LoadedManifests,
  component: LoadedDocument<Component>,
  { certificates }: Component,
  problems: ProblemCollector,
): void {
  if (platform?.value === undefined) return;
  const known = new Set(['site', ...platform.value.authorities.map(({ name }) => name)]);
  for (const [index, { authority }] of certificates.entries()) {
    expectKnown(problems, component, ['certificates', index, 'authority'], 'authority', authority, known);
  }
}

function checkCircles(loaded: LoadedManifests, problems: ProblemCollector): void {
  const components = loaded.components.flatMap((document) => (document.value === undefined ? [] : [{ document, ...document.value }]));
  const edges = new Map(components.map(({ name, needs }) => [name, needs.map((need) => need.component)]));
  const reported = new Set<string>();
  for (const { document, name, needs } of components) {
    const circle = components.filter((other) => reach(name, edges).has(other.name) && reach(other.name, edges).has(name));
    if (circle.length === 0 || reported.has(name)) continue;
    for (const other of circle) reported.add(other.name);
    const guilty = needs.findIndex((need) => circle.some((other) => other.name === need.component));
    add(problems, document, ['needs', guilty], `goes in a circle: ${describeCircle(circle)}`, 'remove one of the needs');
  }
}

function describeCircle(circle: readonly Component[]): string {
  try {
    topologicalOrder(
      circle,
      (component) => component.name,
      (component) => component.needs.map((need) => need.component),
    );
  } catch (error) {
    if (hasCode(error, 'GRAPH_CYCLE')) return error.message.replace(/^Cannot order what needs what: /, '');
    throw error;
  }
  throw new Error('a circle of needs could be ordered');
}

/**
 * Returns every name that can be reached from `start` in one or more steps. Contains `start` itself only when it is in
 * a circle.
 */
function reach(start: string, edges: ReadonlyMap<string, readonly string[]>): Set<string> {
  const seen = new Set<string>();
  const open = [...(edges.get(start) ?? [])];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    open.push(...(edges.get(name) ?? []));
  }
  return seen;
}

async function checkOperatingSystems(loaded: LoadedManifests, problems: ProblemCollector): Promise<void> {
  for (const system of loaded.operatingSystems) {
    if (system.value === undefined) continue;
    for (const [index, { signedBy }] of system.value.repositories.entries()) {
      if (await loaded.exists(`os/${signedBy}`)) continue;
      add(problems, system, ['repositories', index, 'signedBy'], `there is no file "${signedBy}" beside this document`);
    }
    checkRepeats(
      problems,
      system,
      'packageSets',
      system.value.packageSets.map((set) => set.name),
    );
  }
}

/**
 * Checks that each set exists for every operating system. If one lacked it, hosts with that system could not install
 * the set.
 */
function checkPackageSets(
  loaded: LoadedManifests,
  problems: ProblemCollector,
  user: LoadedDocument<unknown>,
  sets: readonly string[],
): void {
  for (const system of loaded.operatingSystems) {
    if (system.value === undefined) continue;
    const known = new Set(system.value.packageSets.map((set) => set.name));
    for (const [index, set] of sets.entries()) {
      if (known.has(set)) continue;
      add(problems, user, ['packageSets', index], `${system.document.file} has no package set "${set}"`, suggestName(set, known));
    }
  }
}

function checkList(
  problems: ProblemCollector,
  document: LoadedDocument<unknown>,
  path: DocumentPath,
  what: string,
  names: readonly string[],
  known: ReadonlySet<string>,
): void {
  for (const [index, name] of names.entries()) {
    expectKnown(problems, document, [...path, index], what, name, known);
    if (names.indexOf(name) < index) add(problems, document, [...path, index], `"${name}" is written twice`);
  }
}

function checkRepeats(problems: ProblemCollector, document: LoadedDocument<unknown>, list: string, names: readonly string[]): void {
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) < index) add(problems, document, [list, index], `"${name}" is written twice`);
  }
}

function expectKnown(
  problems: ProblemCollector,
  document: LoadedDocument<unknown>,
  path: DocumentPath,
  what: string,
  name: string,
  known: ReadonlySet<string>,
): void {
  if (!known.has(name)) add(problems, document, path, `there is no ${what} "${name}"`, suggestName(name, known));
}

function expectUnused(
  problems: ProblemCollector,
  document: LoadedDocument<unknown>,
  path: DocumentPath,
  what: string,
  name: string,
  used: Map<string, string>,
): void {
  const other = used.get(name);
  if (other === undefined) used.set(name, document.document.file);
  else add(problems, document, path, `${other} has ${/^[aeiou]/.test(what) ? 'an' : 'a'} ${what} "${name}" too`);
}

function add(
  problems: ProblemCollector,
  { document }: { readonly document: YamlDocument },
  path: DocumentPath,
  reason: string,
  remedy?: string,
): void {
  const problem: InputProblem = document.problemAt(path, reason, remedy);
  problems.add(document.file, problem);
}
