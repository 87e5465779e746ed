import type { HealthModel } from '../core/index.ts';

/** Where other components reach a service; told to the cluster's store while the service is well. */
export interface ServiceEndpoint {
  readonly name: string;
  /** Empty: registered as address:port, without a protocol. */
  readonly protocol: string;
  readonly port: number;
}

export interface ServiceHealth {
  readonly model: HealthModel;
  /** A URL, host:port, or a line for bash. */
  readonly address: string;
  /** Seconds between probes. */
  readonly timeInterval: number;
  /** So many failed probes in a row are borne; one more makes the service unhealthy. For every model alike. */
  readonly maxErrorsNum: number;
}

/** One service as the agent keeps it: a systemd unit made of commands, or (onlyHealthCheck) something that is only probed. */
export interface ServiceDefinition {
  /** Name of the unit, without `.service`. */
  readonly name: string;
  readonly endpoints: readonly ServiceEndpoint[];
  readonly health?: ServiceHealth;
  readonly onlyHealthCheck: boolean;
  readonly isInitStart: boolean;
  /** Stopped, not probed, not registered. */
  readonly disable: boolean;
  readonly after: readonly string[];
  readonly requires: readonly string[];
  readonly type: ServiceType;
  /** Lines for bash; empty: none. A failure of preStart does not keep the service from starting. */
  readonly preStart: string;
  readonly start: string;
  readonly stop: string;
  readonly restartPolicy?: RestartPolicy;
  /** A systemd time span: 10, 500ms, 2min. */
  readonly restartSec?: string;
}

/** `simple` and `notify` are the same here: the commands run below bash, which notifies nobody. */
export const SERVICE_TYPES = ['simple', 'oneshot', 'notify'] as const;
export type ServiceType = (typeof SERVICE_TYPES)[number];

export const RESTART_POLICIES = ['no', 'always', 'on-success', 'on-failure', 'on-abnormal', 'on-abort', 'on-watchdog'] as const;
export type RestartPolicy = (typeof RESTART_POLICIES)[number];

/** True when the agent makes a unit of it. */
export function hasUnit(definition: ServiceDefinition): boolean {
  return !definition.onlyHealthCheck && !definition.disable;
}

export function unitNameOf(definition: { readonly name: string }): string {
  return `${definition.name}.service`;
}
