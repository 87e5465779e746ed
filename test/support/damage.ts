import { closeSync, copyFileSync, openSync, readSync, writeSync } from 'node:fs';

/** A copy of a file with one byte changed. Returns the path of the copy. */
export function damage(file: string, copy: string, offset: number): string {
  copyFileSync(file, copy);
  const handle = openSync(copy, 'r+');
  const byte = Buffer.alloc(1);
  readSync(handle, byte, 0, 1, offset);
  byte.writeUInt8(byte.readUInt8(0) ^ 1);
  writeSync(handle, byte, 0, 1, offset);
  closeSync(handle);
  return copy;
}
