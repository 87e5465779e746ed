import { componentDocuments } from '../component-documents.ts';
import { findingAt, type LintFinding } from '../finding.ts';
import type { LintSubject } from '../subject.ts';

/** Components that no role lists, and needs of components that roles list for them: no cluster can meet these. */
export function checkNeeds(subject: LintSubject): readonly LintFinding[] {
  const listed = new Set([...subject.manifests.roles.values()].flatMap(({ components }) => components));
  return componentDocuments(subject).flatMap(({ manifest, loaded }): LintFinding[] => {
    const { name, needs } = manifest;
    if (!listed.has(name)) {
      const reason = `no role lists "${name}", so no host runs it`;
      const remedy = 'add it to components of a role, or remove it';
      return [findingAt(loaded, ['name'], { check: 'needs', level: 'warning', reason, remedy })];
    }
    return needs.flatMap(({ component }, index): LintFinding[] => {
      if (listed.has(component)) return [];
      const reason = `"${name}" needs "${component}", which no role lists, so no cluster can have "${name}"`;
      const remedy = `add "${component}" to components of a role, or remove the need`;
      return [findingAt(loaded, ['needs', index], { check: 'needs', level: 'error', reason, remedy })];
    });
  });
}
