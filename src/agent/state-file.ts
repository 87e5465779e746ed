import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import { errnoOf } from '../core/index.ts';
import { writeFileAtomic } from '../io/index.ts';
import { COMPONENT_STATES } from './component-state.ts';

/** Name of the file in the state directory. */
export const STATE_FILE = 'state.json';

/** Stored instead of the digest of a unit that systemd has not restarted yet, so that the next run treats it as changed. */
export const NOT_APPLIED = 'not applied';

const remembered = z.object({
  version: z.literal(1),
  /** Id of the boot in which the states were seen. Files of older agents do not have it. */
  boot: z.string().default(''),
  components: z.record(
    z.string(),
    z.object({
      state: z.enum(COMPONENT_STATES),
      since: z.iso.datetime(),
      reason: z.string(),
      errors: z.int().nonnegative(),
      failingSince: z.iso.datetime().optional(),
      // `seen` is not read back, because it describes only probes by the current run of the agent.
      invocation: z.string().optional(),
    }),
  ),
  /** Digest of the text that each unit was last started with, or NOT_APPLIED, by name of the unit. */
  applied: z.record(z.string(), z.string()),
  accepted: z.record(z.string(), z.string()),
  /** Files of older agents do not have it. */
  owners: z.record(z.string(), z.string()).default({}),
  /** Restarts by the agent, by name of the service. Files of older agents do not have it. */
  kept: z
    .record(
      z.string(),
      z.object({ restarts: z.int().nonnegative(), tries: z.int().nonnegative(), at: z.iso.datetime(), because: z.string() }),
    )
    .default({}),
});

/** The data that the agent keeps across its own restarts. */
export type Remembered = Readonly<Omit<z.infer<typeof remembered>, 'version'>>;

export const NOTHING_REMEMBERED: Remembered = { boot: '', components: {}, applied: {}, accepted: {}, owners: {}, kept: {} };

/**
 * Reads the state file. Returns undefined when there is no file. Throws for a file that cannot be read or parsed; the
 * caller reports it and starts with an empty state.
 */
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
  // The state contains the text of definitions, which may be readable by root only.
  await writeFileAtomic(path, `${JSON.stringify({ version: 1, ...state }, null, 2)}\n`, { mode: 0o600 });
}
