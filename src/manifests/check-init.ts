import { suggestName, type DocumentPath } from '../io/index.ts';
import { INIT_FLAGS, valuesInForm, type InitFlag } from './init.ts';
import type { ProblemCollector } from './invalid-manifests-error.ts';
import type { LoadedManifests } from './loaded-manifests.ts';
import type { PlatformOption } from './option.ts';

type Report = (path: DocumentPath, reason: string, remedy?: string, options?: { readonly key?: boolean }) => void;

/** Checks the words of the platform for `caisson init`. Adds every mistake to `problems`; throws nothing. */
export function checkInit({ platform, roles }: LoadedManifests, problems: ProblemCollector): void {
  const init = platform?.value?.init;
  if (platform?.value === undefined || init === undefined) return;
  const { document } = platform;
  const report: Report = (path, ...problem) => {
    problems.add(document.file, document.problemAt(['init', ...path], ...problem));
  };
  const known = roles.flatMap(({ value }) => value?.name ?? []);
  for (const [index, role] of (init.roles ?? []).entries()) {
    if (!known.includes(role)) report(['roles', index], `there is no role "${role}"`, suggestName(role, known));
    if (init.roles?.indexOf(role) !== index) report(['roles', index], `"${role}" is written twice`);
  }
  for (const [section, names] of [
    ['flags', Object.keys(init.flags)],
    ['instead', Object.keys(init.instead)],
  ] as const) {
    for (const name of names) {
      if (INIT_FLAGS.includes(name)) report([section, name], `caisson init has a flag --${name} itself`, 'use another name', { key: true });
    }
  }
  for (const [name, flag] of Object.entries(init.flags)) {
    if (Object.hasOwn(init.instead, name)) report(['instead', name], `"${name}" is among the flags, too`, 'keep one', { key: true });
    checkFlag(flag, platform.value.options, (path, ...problem) => report(['flags', name, ...path], ...problem));
  }
}

function checkFlag(flag: InitFlag, options: readonly PlatformOption[], report: Report): void {
  const option = options.find(({ name }) => name === flag.option);
  if (option === undefined) {
    const names = options.map(({ name }) => name);
    report(['option'], `the platform has no option "${flag.option}"`, suggestName(flag.option, names));
    return;
  }
  const { choice, value, forms } = flag;
  if ((choice === undefined) !== (value === undefined)) report([], 'has one of choice and value', 'write both, or none');
  if (forms !== undefined && value !== undefined) report(['forms'], 'stands beside value', 'keep one of them');
  if (choice !== undefined && value !== undefined && expectChoice(option, choice, ['choice'], report)) {
    expectValue(option, choice, value, ['value'], report);
  }
  for (const [name, texts] of Object.entries(forms ?? {})) {
    if (!expectChoice(option, name, ['forms', name], report, { key: true })) continue;
    for (const [index, form] of texts.entries()) checkForm(option, name, form, ['forms', name, index], report);
  }
}

function checkForm(option: PlatformOption, choice: string, form: string, path: DocumentPath, report: Report): void {
  const names = valuesInForm(form);
  for (const [place, name] of names.entries()) {
    const known = expectValue(option, choice, name, path, report);
    if (!known || names.indexOf(name) === place) continue;
    if (option.choices[choice]?.values[name]?.type !== 'hosts') report(path, `"\${${name}}" is written twice`, 'keep one');
  }
  if (/\}\$\{/.test(form)) report(path, 'has two values with nothing between them', 'write what stands between them');
}

function expectChoice(
  { name, choices }: PlatformOption,
  choice: string,
  path: DocumentPath,
  report: Report,
  options: { readonly key?: boolean } = {},
): boolean {
  if (Object.hasOwn(choices, choice)) return true;
  report(path, `the option "${name}" has no choice "${choice}"`, suggestName(choice, Object.keys(choices)), options);
  return false;
}

function expectValue({ choices }: PlatformOption, choice: string, value: string, path: DocumentPath, report: Report): boolean {
  const values = Object.keys(choices[choice]?.values ?? {});
  if (values.includes(value)) return true;
  report(path, `the choice "${choice}" has no value "${value}"`, suggestName(value, values));
  return false;
}
