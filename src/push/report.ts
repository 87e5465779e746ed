import type { Digest } from '../core/index.ts';
import type { Destination } from './destination.ts';
import type { PushImage, PushPlan } from './plan.ts';
import type { Survey } from './survey.ts';

/** Outcome of an image: the registry had it under its tag, it was pushed, or a reduced index was pushed in its place. */
export type ImageOutcome = 'present' | 'pushed' | 'reduced';

export interface PushReportImage {
  readonly name: string;
  /** Its full name in the registry. */
  readonly target: string;
  /** Digest of its root in the bundle. */
  readonly digest: Digest;
  /** Digest under its name in the registry: after the push, or for a plan before it; undefined when there is none. */
  readonly stored: Digest | undefined;
  readonly outcome: ImageOutcome | 'planned';
  /** Bytes of its blobs that its repository did not have, uploaded or mounted. */
  readonly missing: number;
}

export interface PushCounts {
  readonly count: number;
  readonly size: number;
}

export interface PushReport {
  readonly registry: string;
  readonly images: readonly PushReportImage[];
  /** Blobs that were (or would be) sent. */
  readonly uploaded: PushCounts;
  /** Blobs that a repository shares with another of the registry; a blob that the registry does not mount is uploaded. */
  readonly mounted: PushCounts;
  /** Blobs that were where they should be, counted in each repository. */
  readonly present: PushCounts;
}

/** host[:port]/repository:tag, or @digest for an image without a tag. */
export function targetOf({ domain }: Destination, { repository, tag, root }: PushImage): string {
  return `${domain}/${repository}${tag === undefined ? `@${root.digest}` : `:${tag}`}`;
}

/** The report of a plan. */
export function reportPlan(plan: PushPlan, survey: Survey, destination: Destination): PushReport {
  const missing = plan.blobs.filter(({ digest }) => (survey.blobs.get(digest)?.size ?? 0) === 0);
  const missingPlaces = plan.blobs.map((blob) => ({
    ...blob,
    places: blob.repositories.length - (survey.blobs.get(blob.digest)?.size ?? 0),
  }));
  const mounted = missingPlaces.map(({ digest, size, places }) => ({
    size,
    places: places - ((survey.blobs.get(digest)?.size ?? 0) === 0 ? 1 : 0),
  }));
  return {
    registry: destination.domain,
    images: plan.images.map((image) => {
      const stored = survey.tags.get(image);
      const isThere = isPresent(image, survey);
      return {
        name: image.name,
        target: targetOf(destination, image),
        digest: image.root.digest,
        stored,
        outcome: isThere ? 'present' : 'planned',
        missing: missingBytes(image, survey),
      };
    }),
    uploaded: { count: missing.length, size: sum(missing.map(({ size }) => size)) },
    mounted: { count: sum(mounted.map(({ places }) => places)), size: sum(mounted.map(({ size, places }) => size * places)) },
    present: presentOf(plan, survey),
  };
}

/** True when the registry has the image and its tag. */
export function isPresent(image: PushImage, survey: Survey): boolean {
  const { repository, root, tag } = image;
  const named = tag === undefined ? survey.documents.has(`${repository}@${root.digest}`) : survey.tags.get(image) === root.digest;
  return (
    named && missingBytes(image, survey) === 0 && image.documents.every(({ digest }) => survey.documents.has(`${repository}@${digest}`))
  );
}

export function missingBytes({ blobs, repository }: PushImage, survey: Survey): number {
  return sum(blobs.filter(({ digest }) => survey.blobs.get(digest)?.has(repository) !== true).map(({ size }) => size));
}

export function presentOf(plan: PushPlan, survey: Survey): PushCounts {
  const places = plan.blobs.map(({ digest, size }) => ({ size, count: survey.blobs.get(digest)?.size ?? 0 }));
  return { count: sum(places.map(({ count }) => count)), size: sum(places.map(({ size, count }) => size * count)) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
