import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { posix } from 'node:path';
import { CaissonError, messageOf } from '../core/index.ts';
import { readTarStream, type StreamedMember } from '../io/index.ts';

/** Longest chain of links that is followed. */
const LINKS_LIMIT = 16;
/** Marks of the layer format (image-spec layer.md, Whiteouts). */
const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

/** Result of looking for a path in one layer. */
type Sight =
  | { readonly is: 'file' }
  /** The layer has it as a link, or below a link. A hard link leads to a file of this layer or one below. */
  | { readonly is: 'link'; readonly to: string; readonly hard: boolean }
  /** The layer does not have the path; `hides` says that it hides what lower layers have there. */
  | { readonly is: 'absent'; readonly hides: boolean };

/**
 * Copies a file out of the layers of an image, lowest first, to a path of this machine, through links and with what upper layers removed or
 * replaced. Layers are tar archives, compressed by gzip or not. Throws ARCHIVE_INVALID when the image has no such file, a link goes in
 * circles, or a layer is damaged; the target is not there then. Nothing but the target, and the directory that it is in, is written.
 */
export async function copyOutOfLayers(layers: readonly string[], member: string, target: string): Promise<void> {
  await mkdir(posix.dirname(target), { recursive: true });
  let path = clean(member);
  let top = layers.length - 1;
  for (let links = 0; links <= LINKS_LIMIT; links += 1) {
    const found = await find(layers, top, path, target);
    if (found === undefined) throw await refuse(target, member, `the image has no file "/${path}"`);
    if (found.is === 'file') return;
    path = found.to;
    top = found.hard ? found.layer : layers.length - 1;
  }
  throw await refuse(target, member, 'its links go in circles');
}

/** Looks from the layer `top` downwards. Undefined when the image does not have the path. */
async function find(
  layers: readonly string[],
  top: number,
  path: string,
  target: string,
): Promise<(Exclude<Sight, { readonly is: 'absent' }> & { readonly layer: number }) | undefined> {
  for (let layer = top; layer >= 0; layer -= 1) {
    const file = layers[layer] ?? '';
    const sight = await look(file, path, target).catch(async (error: unknown) => {
      throw await refuse(target, path, `the layer "${file}" cannot be read: ${messageOf(error)}`, error);
    });
    if (sight.is !== 'absent') return { ...sight, layer };
    if (sight.hides) return undefined;
  }
  return undefined;
}

/** Reads one layer to its end, and writes the file to the target when the layer has it. */
async function look(layer: string, path: string, target: string): Promise<Sight> {
  let own: Sight | undefined;
  let above: Sight | undefined;
  let hides = false;
  await readTarStream(createReadStream(layer, { highWaterMark: 1024 * 1024 }), (member) => {
    const at = clean(member.path);
    hides ||= isHidden(at, path);
    above = above ?? linkAbove(member, at, path);
    if (at !== path) return undefined;
    own = sightOf(member, path);
    return own.is === 'file' ? createWriteStream(target, { mode: 0o600 }) : undefined;
  });
  return above ?? own ?? { is: 'absent', hides };
}

function sightOf({ type, link }: StreamedMember, path: string): Sight {
  if (type === 'file') return { is: 'file' };
  if (type === 'symlink') return { is: 'link', to: through(posix.dirname(path), link), hard: false };
  if (type === 'hardlink') return { is: 'link', to: clean(link), hard: true };
  return { is: 'absent', hides: true };
}

/** The way of a path when the member is a link that one of its directories is, and nothing when the member is none. */
function linkAbove({ type, link }: StreamedMember, at: string, path: string): Sight | undefined {
  if (at === '' || !path.startsWith(`${at}/`) || type === 'directory') return undefined;
  if (type !== 'symlink') return { is: 'absent', hides: true };
  return { is: 'link', to: through(posix.dirname(at), `${link}/${path.slice(at.length + 1)}`), hard: false };
}

/** True when a member is a mark that hides the path in lower layers. */
function isHidden(at: string, path: string): boolean {
  const name = posix.basename(at);
  if (!name.startsWith(WHITEOUT)) return false;
  const directory = posix.dirname(at) === '.' ? '' : `${posix.dirname(at)}/`;
  if (name === OPAQUE) return path.startsWith(directory);
  const gone = `${directory}${name.slice(WHITEOUT.length)}`;
  return path === gone || path.startsWith(`${gone}/`);
}

/** A path without a slash in front; it cannot lead above the root. */
function clean(path: string): string {
  return posix.join('/', path).replace(/\/+$/, '').slice(1);
}

function through(directory: string, link: string): string {
  return clean(link.startsWith('/') ? link : posix.join('/', directory, link));
}

async function refuse(target: string, member: string, reason: string, cause?: unknown): Promise<CaissonError> {
  await rm(target, { force: true });
  return new CaissonError('ARCHIVE_INVALID', `Cannot copy "${member}" out of an image: ${reason}`, cause === undefined ? {} : { cause });
}
