import { secretName, textsIn, valueNames, type PlatformOption } from '../../manifests/index.ts';
import { componentDocuments } from '../component-documents.ts';
import { findingAt, type LintFinding } from '../finding.ts';
import type { LintSubject } from '../subject.ts';

/**
 * Declarations of the manifests that no text of them uses: secrets, lists of values, variables, options, authorities,
 * package sets. A flag of `caisson init` uses an option, too. Programs of a host may read files, certificates and key pairs
 * without being told of them, so these are not among them.
 */
export function checkUnused(subject: LintSubject): readonly LintFinding[] {
  const texts = allTexts(subject);
  const isNamed = (name: string): boolean => texts.includes(`\${${name}}`);
  return [...unusedOfComponents(subject, isNamed), ...unusedOfPlatform(subject, isNamed), ...unusedSets(subject)];
}

/** Every text in which a placeholder may stand. */
function allTexts({ manifests, documents }: LintSubject): string {
  const texts = [
    ...textsIn(manifests.platform).map(({ text }) => text),
    ...documents.components.flatMap(({ value, templates }) => [...textsIn(value).map(({ text }) => text), ...templates.values()]),
  ];
  return texts.join('\n');
}

type IsNamed = (name: string) => boolean;

const KIND = { check: 'unused', level: 'warning' } as const;

function unusedOfComponents(subject: LintSubject, isNamed: IsNamed): readonly LintFinding[] {
  return componentDocuments(subject).flatMap(({ manifest, loaded }): LintFinding[] => {
    const own = [...textsIn(manifest).map(({ text }) => text), ...loaded.templates.values()].join('\n');
    return [
      ...manifest.secrets.flatMap(({ name }, index) =>
        isNamed(`secret.${name}`)
          ? []
          : [
              findingAt(loaded, ['secrets', index], {
                ...KIND,
                reason: `no template names \${secret.${name}}`,
                remedy: 'name it, or remove the secret',
              }),
            ],
      ),
      ...Object.keys(manifest.values).flatMap((name) =>
        own.includes(`\${value.${name}}`)
          ? []
          : [
              findingAt(loaded, ['values', name], {
                ...KIND,
                reason: `no text of the component names \${value.${name}}`,
                remedy: 'name it, or remove the list',
                key: true,
              }),
            ],
      ),
    ];
  });
}

function unusedOfPlatform({ manifests, documents }: LintSubject, isNamed: IsNamed): readonly LintFinding[] {
  const { platform } = documents;
  if (platform === undefined) return [];
  const { variables, options, authorities, init } = manifests.platform;
  const flagged = new Set(Object.values(init?.flags ?? {}).map(({ option }) => option));
  const components = [...manifests.components.values()];
  const issuers = new Set(components.flatMap(({ certificates }) => certificates.map(({ authority }) => authority)));
  const decided = new Set(components.flatMap(({ when }) => Object.keys(when)));
  return [
    ...Object.keys(variables).flatMap((name) =>
      isNamed(`var.${name}`)
        ? []
        : [
            findingAt(platform, ['variables', name], {
              ...KIND,
              reason: `no text of the manifests names \${var.${name}}`,
              remedy: 'name it, or remove the variable',
              key: true,
            }),
          ],
    ),
    ...options.flatMap((option, index) =>
      decided.has(option.name) || flagged.has(option.name) || namesOf(option).some(isNamed)
        ? []
        : [
            findingAt(platform, ['options', index, 'name'], {
              ...KIND,
              reason: `no component asks for the option "${option.name}", by when or by a text`,
              remedy: 'use it, or remove the option',
            }),
          ],
    ),
    ...authorities.flatMap(({ name }, index) =>
      issuers.has(name)
        ? []
        : [
            findingAt(platform, ['authorities', index], {
              ...KIND,
              reason: `no certificate is signed by "${name}"`,
              remedy: 'name it as authority of a certificate, or remove it',
            }),
          ],
    ),
  ];
}

/** Names of placeholders that an option adds. */
function namesOf(option: PlatformOption): readonly string[] {
  const { open, secret } = valueNames(option);
  return [
    ...['choice', ...open].map((name) => `option.${option.name}.${name}`),
    ...secret.map((name) => `secret.${secretName(option.name, name)}`),
  ];
}

function unusedSets({ manifests, documents }: LintSubject): readonly LintFinding[] {
  const asked = new Set([...manifests.roles.values(), ...manifests.components.values()].flatMap(({ packageSets }) => packageSets));
  return documents.operatingSystems.flatMap((system) =>
    (system.value?.packageSets ?? []).flatMap(({ name }, index) =>
      asked.has(name)
        ? []
        : [
            findingAt(system, ['packageSets', index], {
              ...KIND,
              reason: `no role and no component asks for the package set "${name}", so no bundle has it`,
              remedy: 'name it in packageSets of a role or a component, or remove it',
            }),
          ],
    ),
  );
}
