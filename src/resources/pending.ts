import type { Host } from '../host/index.ts';
import type { ResourceContext, ResourceKind, Wanted } from './kind.ts';

/** Returns the wanted resources that differ or are absent. `ensure` works on these only. */
export async function pendingOf<Spec>(
  look: ResourceKind<Spec>['look'],
  host: Host,
  wanted: readonly Wanted<Spec>[],
  context: ResourceContext,
): Promise<readonly Wanted<Spec>[]> {
  const found = await look(host, wanted, context);
  return wanted.filter((_, index) => found[index]?.state !== 'same');
}
