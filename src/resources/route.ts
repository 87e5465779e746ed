import { digestOf, hexOf } from '../core/index.ts';
import { formatUnitFile } from '../host/index.ts';
import { ensureKeptUnits, lookAtKeptUnits, removeKeptUnits, type KeptUnit } from './kept-unit.ts';
import type { ResourceKind } from './kind.ts';

/** A route that the host has now and after every boot. Its key is the destination in CIDR notation. */
export interface RouteSpec {
  /** Address of the next hop. */
  readonly via: string;
}

function unitName(destination: string): string {
  return `caisson-route-${hexOf(digestOf(destination)).slice(0, 12)}.service`;
}

function unitOf({ key, spec: { via } }: { readonly key: string; readonly spec: RouteSpec }): KeptUnit {
  const ip = (verb: string): { readonly argv: readonly string[] } => ({
    argv: ['/bin/sh', '-c', `exec ip route ${verb} ${key} via ${via}`],
  });
  const text = formatUnitFile({
    description: `Route to ${key} by ${via}`,
    type: 'oneshot',
    remainAfterExit: true,
    after: ['network-online.target'],
    wants: ['network-online.target'],
    execStart: ip('replace'),
    execStop: ip('del'),
  });
  return { name: unitName(key), text };
}

export const routeKind: ResourceKind<RouteSpec> = {
  look: (host, wanted, { signal }) => lookAtKeptUnits(host, wanted.map(unitOf), signal),
  ensure: (host, wanted, context) => ensureKeptUnits(host, wanted.map(unitOf), context),
  remove: (host, owned, { signal }) =>
    removeKeptUnits(
      host,
      owned.map(({ key }) => unitName(key)),
      signal,
    ),
};
