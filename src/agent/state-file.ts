import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import { errnoOf } from '../core/index.ts';
import { writeFileAtomic } from '../io/index.ts';
import { COMPONENT_STATES } from './component-state.ts';

const remembered = z.object({
  version: z.literal(1),
  /** The boot in which the states were seen; not given by older agents. */
  boot: z.string().default(''),
  components: z.record(
    z.string(),
    z.object({
      state: z.enum(COMPONENT_STATES),
      since: z.iso.datetime(),
      reason: z.string(),
      errors: z.int().nonnegative(),
      // When it was seen is not read back: that is told of probes by this run of the agent only.
      invocation: z.string().optional(),
    }),
  ),
  applied: z.record(z.string(), z.string()),
  accepted: z.record(z.string(), z.string()),
  /** Not given by older agents. */
  owners: z.record(z.string(), z.string()).default({}),
});

/** What the agent remembers across its own restarts. */
export type Remembered = Readonly<Omit<z.infer<typeof remembered>, 'version'>>;

export const NOTHING_REMEMBERED: Remembered = { boot: '', components: {}, applied: {}, accepted: {}, owners: {} };

/** Undefined when there is no file. A file that cannot be understood throws: the caller says so and starts anew. */
export async function readState(path: string): Promise<Remembered | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  return remembered.parse(JSON.parse(text));
}

export async function writeState(path: string, state: Remembered): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  // Definitions may be private to root, and what was accepted of them is in here.
  await writeFileAtomic(path, `${JSON.stringify({ version: 1, ...state }, null, 2)}\n`, { mode: 0o600 });
}
