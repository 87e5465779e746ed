import { CaissonError, formatSize, type Clock, type Emit } from '../core/index.ts';
import type { RegistryWriter } from '../registry/index.ts';
import type { Destination } from './destination.ts';
import { Failures } from './failures.ts';
import { planPush, type PushContent, type PushImage, type PushPlan } from './plan.ts';
import { bytesToPlace, pushBlobs } from './push-blobs.ts';
import { nameDigest, pushImages, type PushedImage } from './push-images.ts';
import { missingBytes, presentOf, reportPlan, targetOf, type PushReport } from './report.ts';
import { questionsOf, surveyRegistry, type Survey } from './survey.ts';

export type { PushContent } from './plan.ts';

export interface PushRequest {
  readonly destination: Destination;
  /** Puts the name of the source registry into the path. */
  readonly keepDomain: boolean;
  /** When the registry refuses an index that lists manifests which the bundle does not hold, push an index without them under the tag. */
  readonly reduceIndexes: boolean;
  /** Only survey the registry and report; change nothing. */
  readonly planOnly: boolean;
  /** Most requests at the same time. */
  readonly jobs: number;
}

export interface PushTools {
  readonly registry: RegistryWriter;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Pushes the images of a bundle under the digests that they have there: surveys the registry, uploads each missing blob
 * once and mounts it into the other repositories, then puts manifests, indexes and tags. Throws PUSH_NAMES_CLASH before
 * anything is asked, AUTH_FAILED and its like for a registry that does not answer questions, PUSH_INCOMPLETE naming
 * every image that could not be pushed after the others were, and DIGEST_MISMATCH for a bundle that is damaged.
 */
export async function pushBundle(content: PushContent, request: PushRequest, tools: PushTools): Promise<PushReport> {
  const { destination, jobs } = request;
  const { registry, clock, emit, signal } = tools;
  const plan = await planPush(content, destination, request.keepDomain);
  const survey = await ask(plan, request, tools);
  if (request.planOnly) return reportPlan(plan, survey, destination);

  const failures = new Failures(signal);
  const total = bytesToPlace(plan, survey);
  const task = { id: 'push', title: `Push to ${destination.domain}` };
  const started = clock.monotonic();
  emit({ type: 'task.started', ...task, total, unit: 'bytes' });
  const blobs = await pushBlobs(plan, survey, content.blobs, registry, {
    jobs,
    failures,
    signal: failures.signal,
    onProgress: (done, item) => emit({ type: 'task.progress', id: task.id, done, total, item }),
  });
  failures.throwFatal();
  const { reduceIndexes } = request;
  const images = await pushImages(plan, survey, content.blobs, registry, { jobs, reduceIndexes, failures, signal: failures.signal, emit });
  failures.throwFatal();
  signal?.throwIfAborted();
  const summary = `${formatSize(blobs.uploaded.size)} uploaded, ${formatSize(blobs.mounted.size)} mounted`;
  emit({ type: 'task.finished', ...task, summary, ms: clock.monotonic() - started });
  if (images.size < plan.images.length) throw incomplete(plan, images, failures, destination);
  return {
    registry: destination.domain,
    images: plan.images.map((image) => describeImage(image, images.get(image), survey, destination)),
    ...blobs,
    present: presentOf(plan, survey),
  };
}

async function ask(plan: PushPlan, { jobs, destination }: PushRequest, { registry, clock, emit, signal }: PushTools): Promise<Survey> {
  const total = questionsOf(plan);
  const task = { id: 'survey', title: `Ask ${destination.domain} what it has` };
  const started = clock.monotonic();
  let done = 0;
  emit({ type: 'task.started', ...task, total, unit: 'items' });
  const survey = await surveyRegistry(plan, registry, {
    jobs,
    signal,
    onAnswer: () => {
      done += 1;
      emit({ type: 'task.progress', id: task.id, done, total });
    },
  });
  emit({ type: 'task.finished', ...task, summary: `${total} answers`, ms: clock.monotonic() - started });
  return survey;
}

function describeImage(image: PushImage, pushed: PushedImage | undefined, survey: Survey, destination: Destination) {
  if (pushed === undefined) throw new Error(`Nothing is known of "${image.name}"`);
  const missing = missingBytes(image, survey);
  return { name: image.name, target: targetOf(destination, image), digest: image.root.digest, ...pushed, missing };
}

function incomplete(
  plan: PushPlan,
  pushed: ReadonlyMap<PushImage, PushedImage>,
  failures: Failures,
  destination: Destination,
): CaissonError {
  const lacking = plan.images.filter((image) => !pushed.has(image));
  const reasons = lacking.map((image) => ({ image, error: reasonOf(image, failures) }));
  // A registry that is gone fails every image by one error, which is named once.
  const named = new Map<CaissonError, string[]>();
  for (const { image, error } of reasons)
    if (error !== undefined) named.set(error, [...(named.get(error) ?? []), `${image.name} → ${targetOf(destination, image)}`]);
  const lines = [...named].map(([error, names]) => `  ${names.join(',\n  ')}: ${error.message.replaceAll('\n', '\n    ')}`);
  const untried = reasons.filter(({ error }) => error === undefined).length;
  const more = untried === 0 ? '' : `\n  ${untried} more were not tried`;
  const first = reasons.find(({ error }) => error !== undefined)?.error;
  const again = 'Run the same command again: what has arrived is not sent again';
  return new CaissonError('PUSH_INCOMPLETE', `Cannot push ${lacking.length} of ${plan.images.length} images:\n${lines.join('\n')}${more}`, {
    cause: first,
    hint: first?.hint === undefined ? again : `${first.hint}. ${again}`,
  });
}

function reasonOf(image: PushImage, failures: Failures): CaissonError | undefined {
  const { repository } = image;
  return [nameDigest(image), ...image.blobs.map(({ digest }) => digest)]
    .map((digest) => failures.of({ repository, digest }))
    .find((error) => error !== undefined);
}
