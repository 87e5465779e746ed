import type { HealthModel } from '../core/index.ts';

/** An address at which other components reach a service. The agent checks its form and does not use it. */
export interface ServiceEndpoint {
  readonly name: string;
  /** Empty for an endpoint that is address:port, without a protocol. */
  readonly protocol: string;
  readonly port: number;
}

export interface ServiceHealth {
  readonly model: HealthModel;
  /** A URL, host:port, or a command line for bash. */
  readonly address: string;
  /** Seconds between probes. */
  readonly timeInterval: number;
  /** Failed probes in a row that leave the service healthy; one more makes it unhealthy. Holds for every health model. */
  readonly maxErrorsNum: number;
}

/** One service of the agent: a systemd unit made from commands or, with `onlyHealthCheck`, a service that is only probed. */
export interface ServiceDefinition {
  /** Name of the unit, without `.service`. */
  readonly name: string;
  readonly endpoints: readonly ServiceEndpoint[];
  readonly health?: ServiceHealth;
  readonly onlyHealthCheck: boolean;
  readonly isInitStart: boolean;
  /** True for a service that is stopped and not probed. */
  readonly disable: boolean;
  readonly after: readonly string[];
  readonly requires: readonly string[];
  readonly type: ServiceType;
  /** Command lines for bash; empty for none. The service starts even when preStart fails. */
  readonly preStart: string;
  readonly start: string;
  readonly stop: string;
  readonly restartPolicy?: RestartPolicy;
  /** A systemd time span: 10, 500ms, 2min. */
  readonly restartSec?: string;
}

/** `notify` has the same effect as `simple`: the commands run below bash, which sends no notification to systemd. */
export const SERVICE_TYPES = ['simple', 'oneshot', 'notify'] as const;
export type ServiceType = (typeof SERVICE_TYPES)[number];

export const RESTART_POLICIES = ['no', 'always', 'on-success', 'on-failure', 'on-abnormal', 'on-abort', 'on-watchdog'] as const;
export type RestartPolicy = (typeof RESTART_POLICIES)[number];

/** True when the agent makes a unit for the definition. */
export function hasUnit(definition: ServiceDefinition): boolean {
  return !definition.onlyHealthCheck && !definition.disable;
}

export function unitNameOf(definition: { readonly name: string }): string {
  return `${definition.name}.service`;
}
