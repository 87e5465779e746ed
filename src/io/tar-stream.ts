import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { Parser } from 'tar';

/** A member of a tar archive that is read as a stream. */
export interface StreamedMember {
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'hardlink' | 'other';
  /** Target of a link; empty for other types. */
  readonly link: string;
}

const TYPES: Readonly<Record<string, StreamedMember['type']>> = {
  File: 'file',
  OldFile: 'file',
  ContiguousFile: 'file',
  Directory: 'directory',
  GNUDumpDir: 'directory',
  SymbolicLink: 'symlink',
  Link: 'hardlink',
};

/**
 * Reads a tar archive, compressed by gzip or not, from its first to its last byte. `take` is called for each member in their order, and
 * returns a sink for the content of a file that is wanted. Throws a plain Error for an archive that is damaged or cut short, and what
 * reading it or a sink throws.
 */
export async function readTarStream(archive: Readable, take: (member: StreamedMember) => Writable | undefined): Promise<void> {
  const sinks: Promise<unknown>[] = [];
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry) => {
      const sink = take({ path: entry.path, type: TYPES[entry.type] ?? 'other', link: entry.linkpath ?? '' });
      if (sink === undefined) entry.resume();
      else {
        sinks.push(once(sink, 'finish'));
        entry.pipe(sink);
      }
    },
  });
  try {
    await new Promise<void>((resolve, reject) => {
      archive.on('error', reject);
      parser.on('error', reject);
      parser.on('end', resolve);
      archive.pipe(parser);
    });
    await Promise.all(sinks);
  } finally {
    archive.destroy();
    // Failures of several sinks are one for the caller.
    await Promise.allSettled(sinks);
  }
}
