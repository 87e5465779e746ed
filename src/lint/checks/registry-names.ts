import type { LintFinding } from '../finding.ts';
import type { LintSubject } from '../subject.ts';

/**
 * Images that would get one name in the registry of the cluster, which is filled with all of them: there the name of the registry
 * that an image came from is left out.
 */
export function checkRegistryNames({ images, manifests: { platform } }: LintSubject): readonly LintFinding[] {
  const { registry } = platform;
  if (registry === undefined) return [];
  return images.flatMap(({ name, file, line }, index): LintFinding[] => {
    const path = pathOf(name);
    const other = images.slice(0, index).find((earlier) => earlier.name !== name && pathOf(earlier.name) === path);
    if (other === undefined) return [];
    const reason = `"${name}" and "${other.name}" (${other.file}:${other.line}) would both be ${registry.name}/${path} in the registry of the cluster`;
    const remedy = 'give one of them another path or tag: SOURCE as NAME';
    return [{ check: 'images', level: 'error', file, position: { line, column: 1 }, reason, remedy }];
  });
}

/** The name behind that of its registry. */
function pathOf(name: string): string {
  return name.slice(name.indexOf('/') + 1);
}
