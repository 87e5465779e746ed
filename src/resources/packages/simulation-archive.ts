import { gzip, TAR_END, tarMember } from '../../io/index.ts';

/** Makes a tar.gz of files by path, for the standard input of a simulation on a host. */
export async function simulationArchive(files: ReadonlyMap<string, Uint8Array>, date: Date): Promise<Buffer> {
  const members = [...files].flatMap(([path, content]) => [...tarMember({ path, mode: 0o644 }, Buffer.from(content), date)]);
  return gzip(Buffer.concat([...members, Buffer.alloc(TAR_END)]));
}
