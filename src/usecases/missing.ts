import { missingMembers, openPartialBundle, type MissingMembers } from '../bundle/index.ts';
import { formatSize } from '../core/index.ts';

/** Counts the members of a bundle on the seed that the depot has not fetched. Undefined where no bundle was begun, or the bundle is whole. */
export async function missingOf(path: string): Promise<MissingMembers | undefined> {
  const begun = await openPartialBundle(path);
  await begun?.close();
  return begun === undefined ? undefined : missingMembers(begun.plan, path);
}

export function describeMissing({ members, bytes }: MissingMembers): string {
  return `${members} ${members === 1 ? 'member' : 'members'} (${formatSize(bytes)})`;
}
