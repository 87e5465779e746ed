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
  /** Seconds until a probe without a result has failed; the default of its model when not given. */
  readonly timeout?: number;
  /** Seconds after a start of the unit in which failures do not count, until the first probe that is well. */
  readonly grace: number;
  /** Statuses of http that are well, such as `200-299, 401`; every one below 500 when not given. */
  readonly status?: string;
  /** For http: directory with ca.crt, tls.crt and tls.key of the probe. */
  readonly certificates?: string;
  /** For http: a unix socket to connect to. */
  readonly socket?: string;
  readonly onUnhealthy: OnUnhealthy;
}

/**
 * `restart`: the agent restarts the unit when it runs and is unhealthy. `always`: it also starts a unit that stopped or that a
 * person stopped. `start`: it only does that, and leaves a unit alone that runs. `report`: it only says so.
 */
export const ON_UNHEALTHY = ['restart', 'always', 'start', 'report'] as const;
export type OnUnhealthy = (typeof ON_UNHEALTHY)[number];

/** One service of the agent: a systemd unit made from commands or, with `onlyHealthCheck`, a service that is only probed. */
export interface ServiceDefinition {
  /** Name of the unit, without `.service`. */
  readonly name: string;
  readonly endpoints: readonly ServiceEndpoint[];
  readonly health?: ServiceHealth;
  readonly onlyHealthCheck: boolean;
  /** With `onlyHealthCheck`: whole name of a unit of another maker, when it is not that of the service. */
  readonly unit?: string;
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
  /** True when a stop ends the main process alone, and leaves the processes that it started. */
  readonly keepChildren?: boolean;
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

/** Name of the unit whose state counts for a service: the agent's own, or one that a package brought, where it is there. */
export function watchedUnitOf(definition: ServiceDefinition): string {
  return definition.unit ?? unitNameOf(definition);
}

export function unitNameOf(definition: { readonly name: string }): string {
  return `${definition.name}.service`;
}
