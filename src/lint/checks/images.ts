import { nearestName } from '../../io/index.ts';
import type { ComponentManifest, PlatformManifest } from '../../manifests/index.ts';
import { componentDocuments, type ComponentDocument } from '../component-documents.ts';
import { findingAt, type LintFinding } from '../finding.ts';
import type { LintSubject } from '../subject.ts';
import { componentImages, type NamedImage } from './component-images.ts';

/**
 * Images that components name and no list has: a mistake, or a warning where a choice of the site leaves the component out. And those that the lists have for other platforms than those of the build.
 */
export function checkImages(subject: LintSubject): readonly LintFinding[] {
  return componentDocuments(subject).flatMap((component) =>
    componentImages(component.manifest).flatMap((image) => judge(image, component, subject)),
  );
}

function judge({ name, path }: NamedImage, { loaded, manifest }: ComponentDocument, subject: LintSubject): readonly LintFinding[] {
  const { images, lists, platforms, manifests } = subject;
  const listed = images.find((image) => image.name === name);
  if (listed === undefined) {
    const near = nearestName(
      name,
      images.map((image) => image.name),
    );
    const remedy = near === undefined ? `add a line for it there: SOURCE as ${name}` : `did you mean "${near}"?`;
    const reason = `${lists.join(', ')} has no image "${name}"`;
    const condition = avoidableBy(manifest, manifests.platform);
    // A bundle may be meant for the clusters that chose otherwise.
    if (condition === undefined) return [findingAt(loaded, path, { check: 'images', level: 'error', reason, remedy })];
    const limit = `so this bundle is for no cluster with ${condition}`;
    return [findingAt(loaded, path, { check: 'images', level: 'warning', reason: `${reason}, ${limit}`, remedy })];
  }
  const own = listed.platforms;
  if (own === undefined || platforms === undefined || platforms.some((platform) => own.includes(platform))) return [];
  const reason = `"${name}" is not in this bundle: line ${listed.line} of "${listed.file}" has it for ${own.join(', ')} only`;
  const remedy = 'build for one of these platforms, too, or list it for those of the hosts';
  return [findingAt(loaded, path, { check: 'images', level: 'warning', reason, remedy })];
}

/** The choices of an option by which alone a component is in a cluster, `database: internal`; undefined where no choice leaves it out. */
function avoidableBy({ when }: ComponentManifest, { options }: PlatformManifest): string | undefined {
  const condition = Object.entries(when).find(([name, choices]) => {
    const option = options.find((candidate) => candidate.name === name);
    return option !== undefined && Object.keys(option.choices).some((choice) => !choices.includes(choice));
  });
  return condition === undefined ? undefined : `${condition[0]}: ${condition[1].join(' or ')}`;
}
