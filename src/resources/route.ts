import { digestOf, hexOf } from '../core/index.ts';
import { formatUnitFile, runChecked, shellScript, type Host } from '../host/index.ts';
import { ensureKeptUnits, lookAtKeptUnits, removeKeptUnits, type KeptUnit } from './kept-unit.ts';
import type { Found, ResourceKind } from './kind.ts';
import { pendingOf } from './pending.ts';

/** A route that the host has now and after every boot. Its key is the destination in CIDR notation. */
export interface RouteSpec {
  /** Address of the next hop. */
  readonly via: string;
}

interface Route {
  readonly key: string;
  readonly spec: RouteSpec;
}

/**
 * Mark of our routes in the kernel's table (ip-route(8), protocol). The kernel gives numbers above 4 no meaning, and
 * iproute2 has no name for this one.
 */
const PROTOCOL = 203;

/** Parameters: destination and next hop in turn. Prints yes or no for each: whether our route to it has that next hop. */
export const LOOK_ROUTES_SCRIPT = `while [ $# -gt 1 ]; do
  case $1 in *:*) family=-6 ;; *) family=-4 ;; esac
  if [ -n "$(ip "$family" route show exact "$1" via "$2" proto ${PROTOCOL} 2>/dev/null)" ]; then echo yes; else echo no; fi
  shift 2
done
`;

function unitName(destination: string): string {
  return `caisson-route-${hexOf(digestOf(destination)).slice(0, 12)}.service`;
}

function unitOf({ key, spec: { via } }: Route): KeptUnit {
  const ip = `ip ${key.includes(':') ? '-6' : '-4'} route`;
  const ours = `${key} proto ${PROTOCOL}`;
  const shell = (script: string): { readonly argv: readonly string[] } => ({ argv: ['/bin/sh', '-c', script] });
  const text = formatUnitFile({
    description: `Route to ${key} by ${via}`,
    type: 'oneshot',
    remainAfterExit: true,
    after: ['network-online.target'],
    wants: ['network-online.target'],
    execStart: shell(`exec ${ip} replace ${key} via ${via} proto ${PROTOCOL}`),
    // Stopping must succeed when the route was deleted or replaced by hand. The route of an older unit has another next hop.
    execStop: shell(`[ -z "$(${ip} show exact ${ours})" ] || exec ${ip} del ${ours}`),
  });
  return { name: unitName(key), text };
}

/** Asks the kernel too, because systemd does not notice when the route of a unit is deleted by hand. */
async function lookAtRoutes(host: Host, routes: readonly Route[], signal: AbortSignal): Promise<readonly Found[]> {
  if (routes.length === 0) return [];
  const units = await lookAtKeptUnits(host, routes.map(unitOf), signal);
  const words = routes.flatMap(({ key, spec }) => [key, spec.via]);
  const { stdout } = await runChecked(host, { argv: shellScript(LOOK_ROUTES_SCRIPT, words) }, { signal });
  const answers = stdout.split('\n');
  return units.map((unit, index): Found => {
    if (unit.state !== 'same' || answers[index] === 'yes') return unit;
    return { state: 'different', why: 'the host leads elsewhere, or has no such route' };
  });
}

export const routeKind: ResourceKind<RouteSpec> = {
  look: (host, wanted, { signal }) => lookAtRoutes(host, wanted, signal),
  ensure: async (host, wanted, context) => {
    const open = await pendingOf(routeKind.look, host, wanted, context);
    await ensureKeptUnits(host, open.map(unitOf), context);
  },
  remove: (host, owned, { signal }) =>
    removeKeptUnits(
      host,
      owned.map(({ key }) => unitName(key)),
      signal,
    ),
};
