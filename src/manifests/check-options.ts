import { checkValue, suggestName, type DocumentPath } from '../io/index.ts';
import type { ProblemCollector } from './invalid-manifests-error.ts';
import type { LoadedDocument, LoadedManifests } from './loaded-manifests.ts';
import { isSecretValue, requiredValues, secretName, valueField, valueNames, type PlatformOption } from './option.ts';
import type { PlatformManifest } from './platform.ts';

type Report = (path: DocumentPath, reason: string, remedy?: string, options?: { readonly key?: boolean }) => void;

/** Checks the options of the platform, and how components refer to them. Adds every mistake to `problems`; throws nothing. */
export function checkOptions(loaded: LoadedManifests, problems: ProblemCollector): void {
  const { platform } = loaded;
  // Without a readable platform.yaml the options are unknown, and every reference to one would look wrong.
  if (platform?.value === undefined) return;
  const { options } = platform.value;
  const report = reporter(platform, problems);
  for (const [index, option] of options.entries()) {
    if (options.findIndex(({ name }) => name === option.name) < index)
      report(['options', index, 'name'], `"${option.name}" is written twice`);
    checkDefault(option, ['options', index], report);
    checkValues(option, ['options', index, 'choices'], report);
  }
  checkSecrets(loaded, platform, platform.value, problems);
  for (const component of loaded.components) {
    if (component.value === undefined) continue;
    const inComponent = reporter(component, problems);
    checkWhen(component.value.when, ['when'], options, inComponent);
    for (const [name, { when }] of Object.entries(component.value.values)) checkWhen(when, ['values', name, 'when'], options, inComponent);
    for (const [index, { when }] of component.value.mounts.entries()) checkWhen(when, ['mounts', index, 'when'], options, inComponent);
  }
}

function reporter({ document }: LoadedDocument<unknown>, problems: ProblemCollector): Report {
  return (...problem) => {
    problems.add(document.file, document.problemAt(...problem));
  };
}

function checkDefault(option: PlatformOption, path: DocumentPath, report: Report): void {
  const choices = Object.keys(option.choices);
  if (choices.length === 0) report([...path, 'choices'], 'is empty, want at least one entry');
  if (option.default === undefined) return;
  if (!choices.includes(option.default)) {
    report([...path, 'default'], `there is no choice "${option.default}"`, suggestName(option.default, choices));
    return;
  }
  const choice = option.choices[option.default];
  const [missing] = choice === undefined ? [] : requiredValues(choice);
  if (missing !== undefined) {
    report(
      [...path, 'default'],
      `the choice "${option.default}" needs a value "${missing}", which has no default`,
      'give the value a default, or choose another one',
    );
  }
}

function checkValues({ choices }: PlatformOption, path: DocumentPath, report: Report): void {
  const types = new Map<string, { readonly type: string; readonly choice: string }>();
  for (const [choice, { values }] of Object.entries(choices)) {
    for (const [name, value] of Object.entries(values)) {
      const place = [...path, choice, 'values', name];
      if (name === 'choice') report(place, '"choice" is the name of the choice itself', 'use another name', { key: true });
      const other = types.get(name);
      if (other !== undefined && other.type !== value.type)
        report([...place, 'type'], `the value "${name}" of the choice "${other.choice}" is of type "${other.type}"`, 'use another name');
      types.set(name, other ?? { type: value.type, choice });
      if (value.oneOf !== undefined && value.type !== 'line' && value.type !== 'name')
        report([...place, 'oneOf'], 'is for the types line and name alone', 'remove it');
      if (value.default === undefined) continue;
      if (isSecretValue(value)) report([...place, 'default'], 'a file of the site has no default', 'remove it');
      else if (JSON.stringify(value.default).includes('${')) report([...place, 'default'], 'placeholders are not filled in here');
      else {
        for (const { path: inner, reason, remedy } of checkValue(value.default, valueField(value)).findings)
          report([...place, 'default', ...inner], reason, remedy);
      }
    }
  }
}

/** Reports secrets with the same name: passwords of options and generated secrets are both filled in as ${secret.NAME}. */
function checkSecrets(
  loaded: LoadedManifests,
  document: LoadedDocument<PlatformManifest>,
  { options }: PlatformManifest,
  problems: ProblemCollector,
): void {
  const used = new Map<string, string>();
  for (const [index, option] of options.entries()) {
    for (const value of valueNames(option).secret) {
      const name = secretName(option.name, value);
      const other = used.get(name);
      used.set(name, other ?? option.name);
      if (other === undefined || other === option.name) continue;
      reporter(document, problems)(['options', index, 'name'], `the option "${other}" has a secret "${name}" too`);
    }
  }
  for (const component of loaded.components) {
    for (const [index, { name }] of (component.value?.secrets ?? []).entries()) {
      if (!used.has(name)) continue;
      reporter(component, problems)(['secrets', index, 'name'], `${document.document.file} has a secret "${name}" too, of an option`);
    }
  }
}

function checkWhen(
  when: Readonly<Record<string, readonly string[]>>,
  path: DocumentPath,
  options: readonly PlatformOption[],
  report: Report,
): void {
  const names = options.map(({ name }) => name);
  for (const [name, choices] of Object.entries(when)) {
    const option = options.find((candidate) => candidate.name === name);
    if (option === undefined) {
      report([...path, name], `the platform has no option "${name}"`, suggestName(name, names), { key: true });
      continue;
    }
    for (const [index, choice] of choices.entries()) {
      const known = Object.keys(option.choices);
      if (!known.includes(choice))
        report([...path, name, index], `the option "${name}" has no choice "${choice}"`, suggestName(choice, known));
      if (choices.indexOf(choice) < index) report([...path, name, index], `"${choice}" is written twice`);
    }
  }
}
