import { nearestName } from '../../io/index.ts';
import { componentDocuments, type ComponentDocument } from '../component-documents.ts';
import { findingAt, type LintFinding } from '../finding.ts';
import type { LintSubject } from '../subject.ts';
import { componentImages, type NamedImage } from './component-images.ts';

/** Images that components name and no list has, and those that the lists have for other platforms than those of the build. */
export function checkImages(subject: LintSubject): readonly LintFinding[] {
  return componentDocuments(subject).flatMap((component) =>
    componentImages(component.manifest).flatMap((image) => judge(image, component, subject)),
  );
}

function judge(
  { name, path }: NamedImage,
  { loaded }: ComponentDocument,
  { images, lists, platforms }: LintSubject,
): readonly LintFinding[] {
  const listed = images.find((image) => image.name === name);
  if (listed === undefined) {
    const near = nearestName(
      name,
      images.map((image) => image.name),
    );
    const remedy = near === undefined ? `add a line for it there: SOURCE as ${name}` : `did you mean "${near}"?`;
    return [findingAt(loaded, path, { check: 'images', level: 'error', reason: `${lists.join(', ')} has no image "${name}"`, remedy })];
  }
  const own = listed.platforms;
  if (own === undefined || platforms === undefined || platforms.some((platform) => own.includes(platform))) return [];
  const reason = `"${name}" is not in this bundle: line ${listed.line} of "${listed.file}" has it for ${own.join(', ')} only`;
  const remedy = 'build for one of these platforms, too, or list it for those of the hosts';
  return [findingAt(loaded, path, { check: 'images', level: 'warning', reason, remedy })];
}
