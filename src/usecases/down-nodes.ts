import { SiteConflictError, type RecordedHost, type SiteConflict, type SiteRecord } from '../site/index.ts';

/** Since when an operator has a node down, and how far that is. */
export type Down = NonNullable<RecordedHost['down']>;

/**
 * Lists the nodes among `hosts` that an operator has down. A run that meets one is refused: it can neither start what the operator
 * stopped nor see whether it is healthy.
 */
export function downConflicts(record: SiteRecord | undefined, hosts: Iterable<string>): readonly SiteConflict[] {
  return [...hosts].flatMap((name) => {
    const down = record?.hosts[name]?.down;
    if (down === undefined) return [];
    return [
      {
        where: name,
        problem: `an operator has it down since ${down.since}, and this would work on what is stopped there`,
        remedy: `Bring it up: caisson node up ${name}. Where the machine is lost, another takes its place (caisson node replace) or it is removed with --forget ${name}`,
      },
    ];
  });
}

/** Throws SiteConflictError when an operator has one of the hosts down. */
export function refuseDown(record: SiteRecord, hosts: Iterable<string>, what: string): void {
  const conflicts = downConflicts(record, hosts);
  if (conflicts.length > 0) throw new SiteConflictError(conflicts, what);
}
