import { digestOf, type Digest } from '../core/index.ts';
import { inspectPaths, removeFiles } from './paths.ts';
import type { SourceAccess } from './packages/package-manager.ts';
import { pendingOf } from './pending.ts';
import { SAME, type ResourceKind } from './kind.ts';
import { lookAtFiles, writeFiles } from './file.ts';
import type { PlacedFile } from './placed-file.ts';
import { fixedContent } from './content.ts';

/** The depot as a package source whose metadata the host has fetched. Its key is the path of the mark. */
export interface PackageSourceSpec {
  readonly access: SourceAccess;
  /** Digest of the bundle whose metadata are wanted. */
  readonly bundle: Digest;
}

/**
 * The mark: a file with the digest of the bundle whose metadata the host has. It is written after the metadata were
 * fetched.
 */
function markFile(key: string, { bundle }: PackageSourceSpec): PlacedFile {
  return { path: key, mode: 0o644, content: fixedContent(`${bundle}\n`) };
}

export const packageSourceKind: ResourceKind<PackageSourceSpec> = {
  look: async (host, wanted, { signal }) => {
    const marks = await lookAtFiles(
      host,
      wanted.map(({ key, spec }) => markFile(key, spec)),
      signal,
    );
    const empty = digestOf('').slice('sha256:'.length);
    const lists = await inspectPaths(host, { files: wanted.map(({ spec }) => spec.access.metadata) }, signal);
    return marks.map((mark, index) => {
      const list = lists.get(wanted[index]?.spec.access.metadata ?? '');
      if (mark.state === 'same' && (list === undefined || list.kind === empty))
        return { state: 'different', why: 'its metadata are missing' };
      return mark.state === 'different'
        ? { state: 'different', why: 'its metadata are those of another bundle' }
        : mark.state === 'same'
          ? SAME
          : mark;
    });
  },
  ensure: async (host, wanted, context) => {
    for (const { key, spec } of await pendingOf(packageSourceKind.look, host, wanted, context)) {
      await context.packages.refresh(host, spec.access, context);
      await writeFiles(host, [markFile(key, spec)], [], context);
    }
  },
  remove: async (host, owned, context) => {
    await context.packages.forget(host, context);
    await removeFiles(
      host,
      owned.map(({ key }) => key),
      context.signal,
    );
  },
};
