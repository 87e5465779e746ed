import { posix } from 'node:path';
import { digestOf, hexOf, type Digest } from '../core/index.ts';
import { fileDigest, runChecked, shellScript, type Host } from '../host/index.ts';
import type { EngineImage } from './containers/container-engine.ts';
import { fixedContent } from './content.ts';
import { lookAtFiles, replacedKeys, writeFiles } from './file.ts';
import { EXECUTABLE } from '../site/index.ts';
import { downloadName } from './packages/package-manager.ts';
import {
  attributesProblem,
  DEFAULT_OWNER,
  inspectPaths,
  keepPaths,
  ORIGINALS,
  PLACE_SCRIPT,
  removeFiles,
  removePlaced,
  type Attributes,
  type PathState,
} from './paths.ts';
import { ABSENT, SAME, type Found, type ResourceContext, type ResourceKind } from './kind.ts';
import type { PlacedFile } from './placed-file.ts';

/** A layer of an image, or a file, at the depot. */
export interface LayerAddress {
  readonly url: string;
  readonly digest: Digest;
}

/** A file of an image. */
export interface ImageMember {
  readonly image: EngineImage;
  readonly member: string;
  /** Layers of the image, lowest first. Hosts without a container engine take the file out of these. */
  readonly layers: readonly LayerAddress[];
}

/** A file of an archive (tar, compressed by gzip or not) that the depot serves. */
export interface ArchiveMember extends LayerAddress {
  readonly member: string;
}

/** A file that is copied out of an image or an archive, or downloaded as a member of the bundle. Its key is the path on the host. */
export interface ArtifactSpec extends Attributes {
  readonly from: ImageMember | ArchiveMember | LayerAddress;
}

/** Directory on a host of one mark for each file that was copied out of an image or archive. */
const MARKS = '/var/lib/caisson/artifacts';

/** Directory on a host of layers and archives that were fetched to take files out of them. It is empty or absent between runs. */
const LAYERS = '/var/lib/caisson/layers';

function markPath(key: string): string {
  return posix.join(MARKS, hexOf(digestOf(key)).slice(0, 24));
}

/**
 * The mark of a file that was copied out of an image or archive: digest of the image's configuration or of the archive, member, and
 * SHA-256 of the copied file.
 */
function markFile(key: string, from: ImageMember | ArchiveMember, hex: string): PlacedFile {
  const source = 'image' in from ? from.image.config : from.digest;
  return { path: markPath(key), mode: 0o600, content: fixedContent(`${source} ${from.member} ${hex}\n`) };
}

function isMember(from: ArtifactSpec['from']): from is ImageMember | ArchiveMember {
  return 'member' in from;
}

type Wish = { readonly key: string; readonly spec: ArtifactSpec };

async function lookAtArtifacts(host: Host, wanted: readonly Wish[], signal: AbortSignal): Promise<readonly Found[]> {
  const found = await inspectPaths(host, { files: wanted.map(({ key }) => key) }, signal);
  const marks = wanted.flatMap(({ key, spec }) => (isMember(spec.from) ? [markFile(key, spec.from, found.get(key)?.kind ?? '')] : []));
  const marked = await lookAtFiles(host, marks, signal);
  const isMarked = new Map(marks.map(({ path }, index) => [path, marked[index]?.state === 'same']));
  return wanted.map(({ key, spec }) => judge(found.get(key), spec, isMarked.get(markPath(key)) ?? false));
}

function judge(state: PathState | undefined, { from, ...attributes }: ArtifactSpec, isMarked: boolean): Found {
  if (state === undefined) return ABSENT;
  const fits = isMember(from) ? isMarked : state.kind === hexOf(from.digest);
  const why = fits ? attributesProblem(state, attributes) : 'it is another file than the wanted one';
  return why === undefined ? SAME : { state: 'different', why };
}

async function placeMember(
  host: Host,
  key: string,
  spec: Attributes & { readonly from: ImageMember | ArchiveMember },
  context: ResourceContext,
) {
  const { signal, engine } = context;
  const { from } = spec;
  const target = downloadName(key);
  if (!('image' in from)) await copyFromLayers(host, from.member, [from], target, context);
  else if (engine === undefined) await copyFromLayers(host, from.member, from.layers, target, context);
  else await engine.copyOut(host, { image: from.image.name, member: from.member, target }, signal);
  const digest = await fileDigest(host, target, { signal });
  if (digest === undefined) throw new Error(`"${target}" was copied and is gone`);
  const { mode, owner = DEFAULT_OWNER } = spec;
  await runChecked(host, { argv: shellScript(PLACE_SCRIPT, [target, owner, mode.toString(8), key]) }, { signal });
  await writeFiles(host, [markFile(key, from, hexOf(digest))], [], context);
}

/**
 * Copies a file out of an image, or an archive as its one layer, by the executable of the host. The layers come from the depot, each
 * checked by its digest, and stay for further files of the same image until the artifacts are made.
 */
async function copyFromLayers(
  host: Host,
  member: string,
  layers: readonly LayerAddress[],
  target: string,
  { packages, signal }: ResourceContext,
): Promise<void> {
  const files: string[] = [];
  for (const { url, digest } of layers) {
    const path = posix.join(LAYERS, hexOf(digest));
    files.push(path);
    // A layer gets its name only after its digest was checked.
    const { exitCode } = await host.run({ argv: ['test', '-f', path] }, { signal });
    if (exitCode !== 0) await packages.download(host, { url, path, digest, mode: 0o600 }, signal);
  }
  await runChecked(host, { argv: [EXECUTABLE, 'agent', 'copy-out', member, target, ...files] }, { signal });
}

function needsLayers({ from }: ArtifactSpec, { engine }: ResourceContext): boolean {
  return isMember(from) && (!('image' in from) || engine === undefined);
}

function removeLayers(host: Host, signal: AbortSignal): Promise<unknown> {
  return runChecked(host, { argv: ['rm', '-rf', '--', LAYERS] }, { signal });
}

export const artifactKind: ResourceKind<ArtifactSpec> = {
  look: (host, wanted, { signal }) => lookAtArtifacts(host, wanted, signal),
  ensure: async (host, wanted, context) => {
    const found = await lookAtArtifacts(host, wanted, context.signal);
    const differing = wanted.filter((_, index) => found[index]?.state !== 'same');
    await keepPaths(host, ORIGINALS, replacedKeys(differing), context.signal);
    for (const wish of differing) {
      const { from, mode, owner } = wish.spec;
      if (isMember(from)) await placeMember(host, wish.key, { ...wish.spec, from }, context);
      else await context.packages.download(host, { url: from.url, path: wish.key, digest: from.digest, mode, owner }, context.signal);
    }
    if (differing.some(({ spec }) => needsLayers(spec, context))) await removeLayers(host, context.signal);
  },
  remove: async (host, owned, { signal }) => {
    // A run that was killed may have left some.
    if (owned.length > 0) await removeLayers(host, signal);
    await removePlaced(host, owned, ({ key }) => [key], signal);
    await removeFiles(
      host,
      owned.flatMap(({ key }) => [downloadName(key), markPath(key)]),
      signal,
    );
  },
};
