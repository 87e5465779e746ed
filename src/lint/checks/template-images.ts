import { nearestName } from '../../io/index.ts';
import { imageNameOf } from '../../manifests/index.ts';
import { componentDocuments } from '../component-documents.ts';
import type { LintFinding } from '../finding.ts';
import type { LintSubject } from '../subject.ts';

/** A key `image` with a value on the same line, bare or quoted, also in a flow mapping. */
const IMAGE = /^(?<before>[^#]*?(?:^|[\s{,-]))image:[ \t]+(?<quote>["']?)(?<name>[^\s"'#,{}$]+)\k<quote>[ \t]*(?:[,}#]|$)/;

/**
 * Images that a template of YAML names under a key `image`, as manifests of pods do, and no list has. Warnings, because Caisson does
 * not know for whom a template is. Names with placeholders are left out.
 */
export function checkTemplateImages(subject: LintSubject): readonly LintFinding[] {
  const known = new Set(subject.images.map(({ name }) => name));
  return componentDocuments(subject).flatMap(({ loaded }) =>
    [...loaded.templates].flatMap(([template, text]) => {
      if (!/\.ya?ml$/.test(template)) return [];
      const file = `${loaded.document.file.replace(/component\.yaml$/, '')}${template}`;
      return text.split('\n').flatMap((line, index): readonly LintFinding[] => {
        const { before = '', name = '' } = IMAGE.exec(line)?.groups ?? {};
        const full = name === '' ? undefined : imageNameOf(name);
        if (full === undefined || known.has(full)) return [];
        const near = nearestName(full, [...known]);
        return [
          {
            check: 'images',
            level: 'warning',
            file,
            position: { line: index + 1, column: before.length + 1 },
            reason: `${subject.lists.join(', ')} has no image "${full}"`,
            remedy: near === undefined ? `add a line for it there: SOURCE as ${full}` : `did you mean "${near}"?`,
          },
        ];
      });
    }),
  );
}
