import type { DocumentPath } from '../io/index.ts';
import type { Component, ComponentAction } from './component.ts';
import type { ProblemCollector } from './invalid-manifests-error.ts';
import { componentNames, type LoadedDocument, type LoadedManifests } from './loaded-manifests.ts';
import {
  ALERT_COMPONENT_NAMES,
  ALERT_NAMES,
  COMPONENT_NAMES,
  DATA_NAMES,
  EACH_NAMES,
  GLOBAL_NAMES,
  HOST_NAMES,
  optionNames,
  optionSecretNames,
  RUNNER_NAMES,
  SECRET_FILE_NAMES,
} from './scope-names.ts';
import { unknownPlaceholders } from './template.ts';
import { textsIn } from './texts-in.ts';

/**
 * Reports placeholders that have no value in any cluster, so that they are found before a cluster is built. Throws
 * nothing.
 */
export function checkPlaceholders(loaded: LoadedManifests, problems: ProblemCollector): void {
  // Without a readable platform.yaml its variables are unknown, and every use of one would look wrong.
  if (loaded.platform?.value === undefined) return;
  const { options } = loaded.platform.value;
  const variables = Object.keys(loaded.platform.value.variables).map((name) => `var.${name}`);
  checkPlatform(loaded, variables, problems);
  const shared = [
    ...variables,
    ...GLOBAL_NAMES,
    ...optionNames(options),
    ...[...componentNames(loaded)].flatMap((name) => HOST_NAMES.map((key) => `first.${name}.${key}`)),
  ];
  const generated = loaded.components.flatMap(({ value }) => value?.secrets ?? []).map((secret) => `secret.${secret.name}`);
  const secrets = [...generated, ...optionSecretNames(options)];
  for (const component of loaded.components) {
    if (component.value !== undefined) checkComponent(component, component.value, component.templates, shared, secrets, problems);
  }
}

function checkPlatform(loaded: LoadedManifests, variables: readonly string[], problems: ProblemCollector): void {
  const { platform } = loaded;
  if (platform?.value === undefined) return;
  for (const [index, [name, text]] of Object.entries(platform.value.variables).entries()) {
    checkText(platform, ['variables', name], text, variables.slice(0, index), problems);
  }
  const { definitionsDirectory, registry, hostNames } = platform.value;
  for (const { path, text } of textsIn({ definitionsDirectory, registry }, [])) checkText(platform, path, text, variables, problems);
  const ofOptions = [...variables, ...optionNames(platform.value.options)];
  for (const { path, text } of textsIn(hostNames, ['hostNames'])) checkText(platform, path, text, ofOptions, problems);
}

function checkComponent(
  document: LoadedDocument<Component>,
  component: Component,
  templates: ReadonlyMap<string, string>,
  shared: readonly string[],
  secrets: readonly string[],
  problems: ProblemCollector,
): void {
  const values = Object.keys(component.values).map((name) => `value.${name}`);
  const names = [...shared, ...COMPONENT_NAMES];
  const { values: lists, alerts, ...rest } = component;
  for (const [name, list] of Object.entries(lists)) {
    const items = list.of === 'alerts' ? ALERT_NAMES : EACH_NAMES;
    for (const { path, text } of textsIn(list, ['values', name])) checkText(document, path, text, [...names, ...items], problems);
  }
  const ofCluster = [...shared.filter((name) => !name.startsWith('node.')), ...ALERT_COMPONENT_NAMES];
  for (const { path, text } of textsIn(alerts, ['alerts'])) checkText(document, path, text, ofCluster, problems);
  for (const { path, text } of textsIn(rest, [])) {
    const secret = /\$\{secret\.[^}]*\}/.exec(text.replaceAll('$${', ''))?.[0];
    const own = path[0] === 'actions' ? actionNames(component.actions[Number(path[1])]) : [];
    if (secret === undefined) checkText(document, path, text, [...names, ...values, ...own], problems);
    else {
      const problem = document.document.problemAt(
        path,
        `"${secret}" stands outside a template file`,
        'put the secret into a file and mount it',
      );
      problems.add(document.document.file, problem);
    }
  }
  const directory = document.document.file.replace(/component\.yaml$/, '');
  const all = new Set([...names, ...values, ...secrets]);
  for (const [template, text] of templates) {
    problems.add(`${directory}${template}`, ...unknownPlaceholders(text, (name) => all.has(name), all));
  }
}

/** Names that the texts of an action can use besides those of its component. */
function actionNames(action: ComponentAction | undefined): readonly string[] {
  if (action?.at === 'secret-change') return [...RUNNER_NAMES, ...SECRET_FILE_NAMES];
  return action?.at === 'backup' || action?.at === 'restore' ? [...RUNNER_NAMES, ...DATA_NAMES] : RUNNER_NAMES;
}

function checkText(
  { document }: LoadedDocument<unknown>,
  path: DocumentPath,
  text: string,
  known: readonly string[],
  problems: ProblemCollector,
): void {
  for (const { reason, remedy } of unknownPlaceholders(text, (name) => known.includes(name), known)) {
    problems.add(document.file, document.problemAt(path, reason, remedy));
  }
}
