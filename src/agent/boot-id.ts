import { readFile } from 'node:fs/promises';

/** The kernel's name for the present boot of this machine (random(4)); another one after every boot. */
export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}
