import { writeFile } from 'node:fs/promises';

/**
 * Gives this process its name in ps, top and ss (proc(5), /proc/pid/comm), which keeps its first 15 bytes. Node calls every
 * program by the name of its main thread. Elsewhere than on Linux the name stays.
 */
export async function nameProcess(name: string): Promise<void> {
  // The name is for people; nothing depends on it.
  await writeFile('/proc/self/comm', name).catch(() => {});
}
