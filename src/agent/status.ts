import * as z from 'zod';
import { COMPONENT_STATES } from './component-state.ts';

const component = z.object({
  name: z.string(),
  state: z.enum(COMPONENT_STATES),
  since: z.iso.datetime(),
  reason: z.string(),
  errors: z.int().nonnegative(),
  /** When the last probe that decided the state began, by the node's clock; not given before one by this run of the agent. */
  seen: z.iso.datetime().optional(),
  /** Digest of the file whose definition is applied (definitionDigest); not given while it is not applied. */
  definition: z.string().optional(),
  unit: z
    .object({
      active: z.string(),
      sub: z.string(),
      /** When the unit became active; not given while it is not. */
      started: z.iso.datetime().optional(),
      /** How often systemd restarted it by itself. */
      restarts: z.int().nonnegative().optional(),
    })
    .optional(),
});

/**
 * What an agent answers. Unknown keys are let pass and new keys are optional: readers and agents of different versions
 * meet during an upgrade.
 */
export const agentStatusSchema = z.object({
  node: z.object({ name: z.string(), address: z.string(), uuid: z.string() }),
  roles: z.array(z.string()),
  version: z.string(),
  time: z.iso.datetime(),
  components: z.array(component),
  problems: z.array(z.object({ about: z.string(), message: z.string() })),
});

/** One node as its agent sees it at `time`. */
export type AgentStatus = Readonly<z.infer<typeof agentStatusSchema>>;
export type ComponentStatus = AgentStatus['components'][number];

/** Something that keeps the agent from doing all it should: a definition with mistakes, a unit that cannot be written. */
export interface AgentProblem {
  /** A file, a unit or a listener. */
  readonly about: string;
  readonly message: string;
}
