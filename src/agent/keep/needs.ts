import * as z from 'zod';
import { probe, healthCheckOf } from '../../health/index.ts';
import type { Host } from '../../host/index.ts';
import type { ComponentState } from '../component-state.ts';

const text = z.string().min(1);

/** A component that a service needs, on one node. */
const place = z.strictObject({
  node: text,
  /** On this node: names of its services, which the agent probes itself. */
  services: z.array(text).optional(),
  /** On another node: host:port of its endpoints, each of which must take a connection. */
  addresses: z.array(text).optional(),
});

/** At least `least` of the places must be well. */
export const serviceNeed = z.strictObject({ component: text, least: z.int().min(1), places: z.array(place).min(1) });

export type ServiceNeed = Readonly<z.output<typeof serviceNeed>>;

export interface NeedSources {
  readonly host: Host;
  readonly signal: AbortSignal;
  stateOf(service: string): ComponentState | undefined;
}

/**
 * Returns COMPONENT@NODE of the places that are down, of each need of which too few are well. A service of this node is well
 * when a probe that began after `since` was: an earlier one may be older than the trouble of the service that needs it. Other
 * nodes are asked now, by a connection.
 */
export async function downNeeds(needs: readonly ServiceNeed[], since: number, sources: NeedSources): Promise<readonly string[]> {
  const down = await Promise.all(
    needs.map(async ({ component, least, places }) => {
      const well = await Promise.all(places.map((one) => isWell(one, since, sources)));
      if (well.filter(Boolean).length >= least) return [];
      return places.filter((_, index) => well[index] !== true).map(({ node }) => `${component}@${node}`);
    }),
  );
  return down.flat();
}

async function isWell(
  { services = [], addresses = [] }: ServiceNeed['places'][number],
  since: number,
  sources: NeedSources,
): Promise<boolean> {
  const own = services.every((service) => {
    const state = sources.stateOf(service);
    return state?.state === 'healthy' && state.errors === 0 && Date.parse(state.seen ?? '') >= since;
  });
  return own && (await Promise.all(addresses.map((address) => answers(address, sources)))).every(Boolean);
}

async function answers(address: string, { host, signal }: NeedSources): Promise<boolean> {
  const check = healthCheckOf('tcp', address);
  return !('mistake' in check) && (await probe(check, { host, signal })).status === 'healthy';
}
