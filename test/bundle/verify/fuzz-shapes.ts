import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { verifyBundle, type Finding } from '../../../src/bundle/index.ts';
import { readTarHeader, roundToBlock } from '../../../src/io/index.ts';
import { writeGeneratedBundle } from '../../support/generated-bundle.ts';
import { writeSignedBundle } from '../../support/signed-bundle.ts';
import { memorySigner } from '../../support/signing-keys.ts';
import { small, smallBundle, writeSmallBundle } from '../../support/small-bundle.ts';

/** A stretch of a file, and whom a finding about damage in it may name. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly suspects: readonly string[];
}

export interface FuzzTarget {
  /** The file that is damaged. */
  readonly path: string;
  readonly bytes: Buffer;
  /** Covers the file from its first byte to its last. */
  readonly stretches: readonly Stretch[];
  /** Checks what the file belongs to, and gives every fault. */
  verify(): Promise<readonly Finding[]>;
}

/** A form of bundle to be damaged in every way. Whoever adds a form of bundle adds it to the list below. */
export interface FuzzShape {
  readonly name: string;
  readonly write: (directory: string) => Promise<FuzzTarget>;
}

interface WrittenPlan {
  readonly size: number;
  readonly members: readonly { readonly path: string; readonly headerOffset: number; readonly end: number }[];
}

/** One file that verifyBundle checks; damage in a member is that member's, damage behind the last one the bundle's. */
function singleFile(path: string, plan: WrittenPlan): FuzzTarget {
  const stretches = plan.members.map(({ path: member, headerOffset, end }) => ({ start: headerOffset, end, suspects: [member] }));
  stretches.push({ start: stretches.at(-1)?.end ?? 0, end: plan.size, suspects: ['(bundle)'] });
  return { path, bytes: readFileSync(path), stretches, verify: async () => (await verifyBundle(path, { workers: 0 })).findings };
}

export const FUZZ_SHAPES: readonly FuzzShape[] = [
  {
    name: 'a bundle of one document',
    async write(directory) {
      const path = join(directory, 'document.tar');
      const files = [small('documents/hello.txt', 'hello\n', 'document')];
      return singleFile(path, await writeSmallBundle(path, smallBundle({ images: [], repositories: [], files })));
    },
  },
  {
    name: 'a bundle of an image with three layers',
    async write(directory) {
      const path = join(directory, 'image.tar');
      return singleFile(path, await writeGeneratedBundle({ output: path, blobs: 3, blobSize: 3001 }));
    },
  },
  {
    name: 'a bundle of long paths, each with a pax header, and empty files',
    async write(directory) {
      const path = join(directory, 'paths.tar');
      const files = [1, 2, 3].flatMap((number) => [
        small(`documents/${'long-name-'.repeat(12 + number)}.txt`, 'x'.repeat(511 + number), 'document'),
        small(`documents/empty-${number}`, '', 'document'),
      ]);
      return singleFile(path, await writeSmallBundle(path, smallBundle({ images: [], repositories: [], files })));
    },
  },
  {
    name: 'a bundle with all there is',
    async write(directory) {
      const path = join(directory, 'all.tar');
      return singleFile(path, await writeSmallBundle(path));
    },
  },
  {
    name: 'a bundle with three signatures',
    async write(directory) {
      const path = join(directory, 'signed.tar');
      const plan = await writeSignedBundle(path, [1, 2, 3].map(memorySigner));
      const bytes = readFileSync(path);
      const members: WrittenPlan['members'][number][] = [...plan.members];
      for (const member of ['SHA256SUMS.sig', 'SHA256SUMS.2.sig', 'SHA256SUMS.3.sig']) {
        const headerOffset = members.at(-1)?.end ?? 0;
        const header = readTarHeader(bytes.subarray(headerOffset));
        const size = typeof header === 'string' ? 0 : (header.size ?? 0);
        members.push({ path: member, headerOffset, end: headerOffset + 512 + roundToBlock(size) });
      }
      return singleFile(path, { size: bytes.length, members });
    },
  },
];
