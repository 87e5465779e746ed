import { countOf } from '../../core/index.ts';
import { textsIn } from '../../manifests/index.ts';
import { componentDocuments } from '../component-documents.ts';
import { findingAt, type LintFinding } from '../finding.ts';
import type { LintImage, LintSubject } from '../subject.ts';
import { componentImages } from './component-images.ts';

/** Images of one list that have a warning each; more are one warning. */
const ALONE_LIMIT = 3;

const REMEDY = 'name it in images of the component whose hosts shall hold it, or in otherImages of platform.yaml';

/** Images of the lists that no component, no template and no other text of the manifests names, and `otherImages` that no list has. */
export function checkUnusedImages(subject: LintSubject): readonly LintFinding[] {
  const { images, manifests, documents, lists } = subject;
  const { otherImages } = manifests.platform;
  const named = new Set(componentDocuments(subject).flatMap(({ manifest }) => componentImages(manifest).map(({ name }) => name)));
  const texts = allTexts(subject);
  const unused = images.filter(
    ({ name }) => !named.has(name) && !otherImages.some((pattern) => matches(name, pattern)) && !isMentioned(name, texts),
  );
  const files = [...new Set(unused.map(({ file }) => file))];
  return [
    ...files.flatMap((file) => warnings(unused.filter((image) => image.file === file))),
    ...otherImages.flatMap((pattern, index): LintFinding[] => {
      if (documents.platform === undefined || pattern === '*' || images.some(({ name }) => matches(name, pattern))) return [];
      const reason = `${lists.join(', ')} has no image "${pattern}"`;
      return [
        findingAt(documents.platform, ['otherImages', index], {
          check: 'unused',
          level: 'warning',
          reason,
          remedy: 'write the full name, or remove it',
        }),
      ];
    }),
  ];
}

function matches(name: string, pattern: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function allTexts({ manifests, documents }: LintSubject): string {
  const { otherImages: _otherImages, ...platform } = manifests.platform;
  const texts = [
    ...textsIn(platform).map(({ text }) => text),
    ...documents.components.flatMap(({ value, templates }) => [...textsIn(value).map(({ text }) => text), ...templates.values()]),
  ];
  return texts.join('\n');
}

/** True when a text has the name behind any registry: it may come from a placeholder, or be left out. */
function isMentioned(name: string, texts: string): boolean {
  const path = name.slice(name.indexOf('/') + 1);
  return texts.includes(path) || texts.includes(path.replace(/^library\//, ''));
}

function warnings(images: readonly LintImage[]): readonly LintFinding[] {
  const warning = ({ file, line }: LintImage, reason: string): LintFinding => ({
    check: 'unused',
    level: 'warning',
    file,
    position: { line, column: 1 },
    reason,
    remedy: REMEDY,
  });
  const [first] = images;
  if (first === undefined) return [];
  if (images.length <= ALONE_LIMIT) return images.map((image) => warning(image, `no component and no template uses "${image.name}"`));
  const names = images.slice(0, ALONE_LIMIT).map(({ name }) => `"${name}"`);
  const reason = `no component and no template uses ${countOf(images.length, 'image')}: ${names.join(', ')} and ${images.length - names.length} more`;
  return [warning(first, reason)];
}
