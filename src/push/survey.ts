import pLimit from 'p-limit';
import type { Digest } from '../core/index.ts';
import type { RegistryWriter } from '../registry/index.ts';
import type { PushImage, PushPlan } from './plan.ts';

/** The planned content that the registry has already. */
export interface Survey {
  /** Repositories that have a blob. */
  readonly blobs: ReadonlyMap<Digest, ReadonlySet<string>>;
  /** Manifests and indexes that a repository has, by placeOf. */
  readonly documents: ReadonlySet<string>;
  /** Digests that the tags name now, by image. */
  readonly tags: ReadonlyMap<PushImage, Digest>;
}

export interface SurveyOptions {
  readonly jobs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onAnswer: () => void;
}

/** How many questions a survey asks. */
export function questionsOf(plan: PushPlan): number {
  const blobs = plan.blobs.reduce((sum, { repositories }) => sum + repositories.length, 0);
  return blobs + plan.images.reduce((sum, { documents, tag }) => sum + documents.length + (tag === undefined ? 0 : 1), 0);
}

/** Asks for every blob in every repository, every document and every tag; the first refusal ends it. Changes nothing. */
export async function surveyRegistry(plan: PushPlan, registry: RegistryWriter, { jobs, signal, onAnswer }: SurveyOptions): Promise<Survey> {
  const stop = new AbortController();
  const options = { signal: signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]) };
  const limit = pLimit(jobs);
  const blobs = new Map<Digest, Set<string>>();
  const documents = new Set<string>();
  const tags = new Map<PushImage, Digest>();
  const ask = async <T>(question: () => Promise<T>): Promise<T> => {
    const answer = await limit(async () => {
      options.signal.throwIfAborted();
      return question();
    });
    onAnswer();
    return answer;
  };

  const ofBlobs = plan.blobs.flatMap(({ repositories, ...blob }) => {
    const having = new Set<string>();
    blobs.set(blob.digest, having);
    return repositories.map(async (repository) => {
      if (await ask(() => registry.hasBlob(repository, blob, options))) having.add(repository);
    });
  });
  const ofImages = plan.images.map(async (image) => {
    const { repository, tag } = image;
    await Promise.all(
      image.documents.map(async ({ digest }) => {
        const found = await ask(() => registry.findManifest(repository, digest, options));
        if (found === digest) documents.add(placeOf(repository, digest));
      }),
    );
    const found = tag === undefined ? undefined : await ask(() => registry.findManifest(repository, tag, options));
    if (found !== undefined) tags.set(image, found);
  });
  try {
    await Promise.all([...ofBlobs, ...ofImages]);
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled([...ofBlobs, ...ofImages]);
    throw error;
  }
  return { blobs, documents, tags };
}

export function placeOf(repository: string, digest: Digest): string {
  return `${repository}@${digest}`;
}
