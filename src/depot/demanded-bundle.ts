import { blobPath, bundleBlobs, bundleTree, type BundleReader } from '../bundle/index.ts';
import { CaissonError, messageOf } from '../core/index.ts';
import type { FileTree } from '../io/index.ts';
import type { BlobStore, Descriptor } from '../oci/index.ts';
import { textResponse, type Handler, type HttpResponse } from '../server/index.ts';

/** A bundle whose members may lack their bytes until a client asks for them. */
export interface DemandedBundle {
  readonly reader: BundleReader;
  /** Indexes and manifests of images, by the name of the image. */
  readonly documents: ReadonlyMap<string, readonly Descriptor[]>;
  /** Resolves once the bytes of a member are there and have their digest. Throws the reason why not. */
  readonly need: (path: string) => Promise<void>;
  readonly missing: () => { readonly bytes: number };
}

/**
 * The blobs of a bundle. `stat` brings a blob, too: an answer that promises bytes is given only when they are there, and
 * a refusal comes before the first byte.
 */
export function demandedBlobs({ reader, need }: DemandedBundle): BlobStore {
  const blobs = bundleBlobs(reader);
  return {
    stat: async (digest) => {
      const found = await blobs.stat(digest);
      if (found !== undefined) await asked(need, blobPath(digest));
      return found;
    },
    open: async (digest, range) => {
      await asked(need, blobPath(digest));
      return blobs.open(digest, range);
    },
  };
}

/** Every member of a bundle as a tree of files. `stat` brings a file, too. */
export function demandedTree({ reader, need }: DemandedBundle): FileTree {
  const tree = bundleTree(reader);
  return {
    stat: async (path) => {
      const found = await tree.stat(path);
      if (found !== undefined) await asked(need, path);
      return found;
    },
    open: async (path, range) => {
      await asked(need, path);
      return tree.open(path, range);
    },
    list: (directory) => tree.list(directory),
  };
}

/** The reason why the bytes that a client asked for are not given. */
class Refused extends Error {
  /** 502 where upstream did not give them, 503 where the file of the bundle has changed. */
  readonly status: 502 | 503;

  constructor(status: 502 | 503, reason: string, cause?: unknown) {
    super(reason, cause === undefined ? {} : { cause });
    this.status = status;
  }
}

/** The blobs of a bundle whose file must stay as it was opened: a refusal comes before the first byte. */
export function unchangedBlobs(reader: BundleReader): BlobStore {
  const blobs = bundleBlobs(reader);
  return {
    stat: async (digest) => {
      const found = await blobs.stat(digest);
      if (found !== undefined) await requireUnchanged(reader.holderOf(blobPath(digest)));
      return found;
    },
    open: (digest, range) => blobs.open(digest, range),
  };
}

/** Files of a bundle, or that file itself, which must stay as it was opened. `holderOf` is the reader of the bytes. */
export function unchangedTree(tree: FileTree, holderOf: (path: string) => BundleReader | undefined): FileTree {
  return {
    stat: async (path) => {
      const found = await tree.stat(path);
      const holder = found === undefined ? undefined : holderOf(path);
      if (holder !== undefined) await requireUnchanged(holder);
      return found;
    },
    open: (path, range) => tree.open(path, range),
    list: (directory) => tree.list(directory),
  };
}

async function requireUnchanged(reader: BundleReader): Promise<void> {
  const reason = await reader.changed();
  if (reason !== undefined)
    throw new Refused(503, `The bundle has changed under the depot: ${reason}. Put it back as it was, and start the depot again`);
}

async function asked(need: DemandedBundle['need'], path: string): Promise<void> {
  try {
    await need(path);
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    throw new Refused(502, error.hint === undefined ? error.message : `${error.message}. ${error.hint}`, error);
  }
}

/**
 * Answers 502 with the reason where upstream did not give the bytes, and 503 where the file of a bundle has changed. A client
 * that tries again makes the depot ask and look again.
 */
export function answerRefusals(handle: Handler): Handler {
  const refuse = (error: unknown): HttpResponse => {
    if (error instanceof Refused) return textResponse(error.status, messageOf(error), { 'cache-control': 'no-store' });
    throw error;
  };
  return (request) => {
    try {
      const response = handle(request);
      return response instanceof Promise ? response.catch(refuse) : response;
    } catch (error) {
      return refuse(error);
    }
  };
}
