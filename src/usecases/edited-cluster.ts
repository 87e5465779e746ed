import { readFile, realpath, stat } from 'node:fs/promises';
import { CaissonError } from '../core/index.ts';
import { readTextFile, writeFileAtomic } from '../io/index.ts';
import { openFileStore, type SiteRecord } from '../site/index.ts';
import type { OperationOptions } from './operation.ts';
import { layoutOf } from './session.ts';
import { siteSources, type SiteSources } from './site-sources.ts';

/** cluster.yaml before and after an edit, and the options of a run with the edited text. */
export interface EditedCluster {
  readonly sources: SiteSources;
  readonly before: string;
  readonly after: string;
  readonly options: OperationOptions;
}

/** Edits the text of cluster.yaml, and not the file. Throws what `edit` and siteSources throw. */
export async function editCluster(
  options: OperationOptions,
  edit: (text: string, file: string, record: SiteRecord | undefined) => string,
): Promise<EditedCluster> {
  const layout = layoutOf(options);
  const record = await openFileStore(layout.record).read();
  const sources = await siteSources(options, record, layout);
  const before = await readTextFile(sources.clusterPath);
  const after = edit(before, sources.clusterPath, record);
  return { sources, before, after, options: { ...options, ...sources, clusterText: after } };
}

/**
 * Writes the edited text with the mode and owner of the file, where a link leads to it, unless nothing changed. Throws
 * INPUT_CHANGED when the file has another text than before the edit.
 */
export async function writeCluster({ sources, before, after }: EditedCluster): Promise<void> {
  const path = await realpath(sources.clusterPath);
  if ((await readFile(path, 'utf8')) !== before) {
    throw new CaissonError('INPUT_CHANGED', `Cannot write "${path}": somebody changed it while the plan was shown`, {
      hint: 'Nothing was changed on any host. Run the command again',
    });
  }
  if (after === before) return;
  const { mode, uid, gid } = await stat(path);
  await writeFileAtomic(path, after, { mode: mode & 0o777, owner: { user: uid, group: gid } });
}
