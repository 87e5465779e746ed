import * as z from 'zod';
import { COMPONENT_STATES } from './component-state.ts';

const component = z.object({
  name: z.string(),
  state: z.enum(COMPONENT_STATES),
  since: z.iso.datetime(),
  reason: z.string(),
  errors: z.int().nonnegative(),
  /**
   * Time on the node's clock when the last probe that decided the state began. Absent before the first probe by this
   * run of the agent.
   */
  seen: z.iso.datetime().optional(),
  /** Digest of the file whose definition is applied (definitionDigest). Absent while it is not applied. */
  definition: z.string().optional(),
  /** ISO time when the first of the failed probes in a row began. */
  failingSince: z.iso.datetime().optional(),
  /** Restarts by the agent, and its reason for none. Agents of versions that did not restart services do not have it. */
  keep: z
    .object({
      /** Restarts by the agent since it knows the service. */
      restarts: z.int().nonnegative(),
      last: z.object({ at: z.iso.datetime(), because: z.string() }).optional(),
      /** Why it is not being restarted although it is not well: a word of Standing, or of a newer agent. */
      standing: z.string().optional(),
      /** COMPONENT@NODE of the needs that are down, where it waits for them. */
      waitsFor: z.array(z.string()).optional(),
      /** Earliest time of the next restart. */
      next: z.iso.datetime().optional(),
      because: z.string().optional(),
      /** A command that restarts it, where the agent does not. */
      remedy: z.string().optional(),
    })
    .optional(),
  unit: z
    .object({
      active: z.string(),
      sub: z.string(),
      /** Time when the unit became active. Absent while it is not active. */
      started: z.iso.datetime().optional(),
      /** Number of restarts by systemd itself. */
      restarts: z.int().nonnegative().optional(),
    })
    .optional(),
});

/**
 * The answer of an agent. Unknown keys are accepted and new keys are optional, because readers and agents have
 * different versions during an upgrade.
 */
export const agentStatusSchema = z.object({
  node: z.object({ name: z.string(), address: z.string(), uuid: z.string() }),
  roles: z.array(z.string()),
  version: z.string(),
  time: z.iso.datetime(),
  components: z.array(component),
  problems: z.array(z.object({ about: z.string(), message: z.string() })),
});

/** The state of one node at `time`, as its agent sees it. */
export type AgentStatus = Readonly<z.infer<typeof agentStatusSchema>>;
export type ComponentStatus = AgentStatus['components'][number];

/**
 * A problem that keeps the agent from doing a part of its work, such as a definition with mistakes or a unit that
 * cannot be written.
 */
export interface AgentProblem {
  /** The file, unit or listener that the problem belongs to. */
  readonly about: string;
  readonly message: string;
}
