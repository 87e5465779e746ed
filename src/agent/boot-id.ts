import { readFile } from 'node:fs/promises';

/** Returns the kernel's id of the current boot of this machine (random(4)). It differs after every boot. */
export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}
