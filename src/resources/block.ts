import { ensureBlock, readRemoteFile, setBlock } from '../host/index.ts';
import { ABSENT, SAME, type Found, type ResourceKind } from './kind.ts';

/** Lines between two marks in a file that Caisson does not own. Its key is PATH#ID. */
export interface BlockSpec {
  readonly path: string;
  readonly id: string;
  readonly lines: readonly string[];
}

export const blockKind: ResourceKind<BlockSpec> = {
  look: (host, wanted, { signal }) =>
    Promise.all(
      wanted.map(async ({ spec: { path, id, lines } }): Promise<Found> => {
        const text = (await readRemoteFile(host, path, { signal })) ?? '';
        if (setBlock(text, id, lines) === text) return SAME;
        return setBlock(text, id, []) === text ? ABSENT : { state: 'different', why: 'its lines differ' };
      }),
    ),
  ensure: async (host, wanted, { signal }) => {
    for (const { spec } of wanted) await ensureBlock(host, spec.path, spec.id, spec.lines, { signal });
  },
  remove: async (host, owned, { signal }) => {
    for (const { key } of owned) {
      const mark = key.lastIndexOf('#');
      await ensureBlock(host, key.slice(0, mark), key.slice(mark + 1), [], { signal });
    }
  },
};
