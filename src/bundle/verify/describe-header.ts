import type { FoundTarHeader } from '../../io/index.ts';
import { formatMoment } from '../format/manifest-schema.ts';

export interface WantedHeader {
  readonly path: string;
  readonly size: number;
  readonly mode: number;
  readonly date: Date;
}

/** Lists the differences between a readable header and the wanted one. */
export function describeHeader(found: FoundTarHeader, wanted: WantedHeader): string {
  const differences = [
    found.path === wanted.path ? undefined : `it is named "${found.path}"`,
    typeProblem(found),
    found.size === wanted.size ? undefined : `its header says ${found.size ?? 'no valid number of'} bytes, want ${wanted.size}`,
    found.mode === wanted.mode ? undefined : `its mode is ${found.mode?.toString(8) ?? 'unreadable'}, want ${wanted.mode.toString(8)}`,
    found.modified === wanted.date.getTime() / 1000 ? undefined : `its time is not ${formatMoment(wanted.date)}`,
    found.owner === '0:0' ? undefined : `its owner is ${found.owner}, want 0:0`,
  ].filter((text) => text !== undefined);
  return differences.length === 0 ? 'its header is not in canonical form' : differences.join('; ');
}

/** Why a member of this type does not belong in a bundle; undefined for a regular file. */
export function typeProblem({ type, linkPath }: FoundTarHeader): string | undefined {
  if (type === 'File') return undefined;
  const target = linkPath === '' ? '' : ` to "${linkPath}"`;
  return `it is of type ${type}${target}, and only regular files belong in a bundle`;
}
