import { isAbsolute } from 'node:path';
import * as z from 'zod';
import { HEALTH_MODELS, isHealthModel, type InputProblem } from '../core/index.ts';
import { healthCheckOf } from '../health/index.ts';
import { parseYaml, type YamlDocument } from '../io/index.ts';
import { ON_UNHEALTHY, RESTART_POLICIES, SERVICE_TYPES, type ServiceDefinition, type ServiceEndpoint } from './service-definition.ts';
import { wholeUnitName } from './unit-from-definition.ts';

/** Version of the format. Every file must state it. */
export const SERVICE_FILE_VERSION = '2.1';

const DEFAULT_INTERVAL_SECONDS = 5;
/** Seconds. It is how long the agents that wrote this format before wait after a restart. */
const DEFAULT_GRACE_SECONDS = 60;

/** Name of a unit. `@` is refused, because the agent makes no template units. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;
const UNIT_REFERENCE = /^[A-Za-z0-9][A-Za-z0-9_.@:\\-]{0,199}$/;
const TIME_SPAN = /^\d+(?:\.\d+)?(?:us|ms|s|sec|m|min|h)?$/;
const BLANK = /^\s*$/;
// Commands become one line of a unit. Tabs and line feeds can be escaped there; other control characters cannot.
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/;

const name = z.string().regex(NAME, 'is not a name of a unit; use letters, digits, dot, dash and underscore');
const command = z
  .string()
  .refine((text) => !CONTROL.test(text), 'holds control characters')
  .nullish()
  .transform((text) => (text ?? '').trim());
const unitReferences = z
  .array(z.string().regex(UNIT_REFERENCE, 'is not a name of a unit'))
  .nullish()
  .transform((units) => units ?? []);
const flag = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false);
const timeSpan = z
  .union([z.number().nonnegative(), z.string()])
  .transform((value) => String(value))
  .refine((text) => TIME_SPAN.test(text), 'is not a time span; write seconds, or a number with ms, s, min or h');

/** A port as a number or as text: files contain both `port: 2379` and `port: "2379"`. Empty means no port. */
const port = z
  .union([z.number(), z.string().regex(/^\d*$/, 'is not a port')])
  .nullish()
  .transform((value) => (value === '' || value === null || value === undefined ? undefined : Number(value)))
  .refine((value) => value === undefined || (Number.isInteger(value) && value >= 1 && value <= 65_535), 'is not a port');

const endpoint = z.strictObject({
  name: z
    .string()
    .nullish()
    .transform((text) => text ?? ''),
  protocol: z
    .string()
    .nullish()
    .transform((text) => text ?? ''),
  port: port.optional(),
});

const absolutePath = z
  .string()
  .refine(isAbsolute, 'is not an absolute path')
  .nullish()
  .transform((path) => path ?? undefined);

const health = z.strictObject({
  name: z.string().nullish(),
  model: z.preprocess((value) => (typeof value === 'string' ? value.trim().toLowerCase() : value), z.enum(HEALTH_MODELS)),
  address: z.string(),
  time_interval: z.int().min(0).max(86_400).nullish(),
  max_errors_num: z.int().min(0).max(100_000).nullish(),
  timeout: z.int().min(1).max(600).nullish(),
  grace: z.int().min(0).max(86_400).nullish(),
  status: z
    .union([z.int(), z.string()])
    .nullish()
    .transform((value) => (value === null || value === undefined ? undefined : String(value))),
  certificates: absolutePath,
  socket: absolutePath,
  on_unhealthy: z.enum(ON_UNHEALTHY).nullish(),
});

const service = z.strictObject({
  name,
  endpoints: z.array(endpoint).nullish(),
  health: health.nullish(),
  only_health_check: flag,
  unit: z.string().regex(UNIT_REFERENCE, 'is not a name of a unit').nullish(),
  is_init_start: flag,
  disable: flag,
  after: unitReferences,
  requires: unitReferences,
  type: z
    .enum(SERVICE_TYPES)
    .nullish()
    .transform((type) => type ?? 'simple'),
  pre_start: command,
  start: command,
  stop: command,
  restart_policy: z.enum(RESTART_POLICIES).nullish(),
  restart_sec: timeSpan.nullish(),
  keep_children: flag,
});

const serviceFile = z.strictObject({
  version: z.union([z.literal(SERVICE_FILE_VERSION), z.literal(Number(SERVICE_FILE_VERSION))]),
  services: z.array(service).nullish(),
});

/**
 * Reads one file of service definitions (version 2.1). Throws InvalidInputError with every mistake and its position: an
 * unknown key, a health check that names another service, an address that cannot be probed, a service that is defined
 * twice.
 */
export function parseServiceFile(text: string, file: string): readonly ServiceDefinition[] {
  const document = parseYaml(text, file, serviceFile, checkServices);
  return (document.services ?? []).map(definitionOf);
}

type ParsedService = z.output<typeof service>;

function definitionOf(parsed: ParsedService): ServiceDefinition {
  return {
    name: parsed.name,
    endpoints: (parsed.endpoints ?? []).flatMap(endpointOf),
    ...(parsed.health === null || parsed.health === undefined
      ? {}
      : {
          health: {
            model: parsed.health.model,
            address: parsed.health.address.trim(),
            // Zero would probe without a pause.
            timeInterval: parsed.health.time_interval || DEFAULT_INTERVAL_SECONDS,
            maxErrorsNum: parsed.health.max_errors_num ?? 0,
            ...(parsed.health.timeout === null || parsed.health.timeout === undefined ? {} : { timeout: parsed.health.timeout }),
            grace: parsed.health.grace ?? DEFAULT_GRACE_SECONDS,
            ...(parsed.health.status === undefined ? {} : { status: parsed.health.status }),
            ...(parsed.health.certificates === undefined ? {} : { certificates: parsed.health.certificates }),
            ...(parsed.health.socket === undefined ? {} : { socket: parsed.health.socket }),
            onUnhealthy: parsed.health.on_unhealthy ?? (parsed.only_health_check ? 'report' : 'restart'),
          },
        }),
    onlyHealthCheck: parsed.only_health_check,
    ...(parsed.unit === null || parsed.unit === undefined ? {} : { unit: wholeUnitName(parsed.unit) }),
    isInitStart: parsed.is_init_start,
    disable: parsed.disable,
    after: parsed.after,
    requires: parsed.requires,
    type: parsed.type,
    preStart: parsed.pre_start,
    start: parsed.start,
    stop: parsed.stop,
    ...(parsed.keep_children ? { keepChildren: true } : {}),
    ...(parsed.restart_policy === null || parsed.restart_policy === undefined ? {} : { restartPolicy: parsed.restart_policy }),
    ...(parsed.restart_sec === null || parsed.restart_sec === undefined ? {} : { restartSec: parsed.restart_sec }),
  };
}

/** Returns the endpoint, or none for an entry without a name or a port. Files in use contain such entries. */
function endpointOf(parsed: z.output<typeof endpoint>): ServiceEndpoint[] {
  return parsed.name === '' || parsed.port === undefined ? [] : [{ name: parsed.name, protocol: parsed.protocol, port: parsed.port }];
}

/**
 * Checks that involve several keys, which the schema cannot do. The document may have any other mistake, so these
 * checks read its raw data.
 */
function checkServices(document: YamlDocument): readonly InputProblem[] {
  const services = propertyOf(document.value, 'services');
  if (!Array.isArray(services)) return [];
  const seen = new Set<unknown>();
  return services.flatMap((raw: unknown, index) => {
    const problems: InputProblem[] = [];
    const report = (path: readonly string[], reason: string, remedy?: string): void => {
      problems.push(document.problemAt(['services', index, ...path], reason, remedy));
    };
    const own = propertyOf(raw, 'name');
    if (typeof own === 'string' && seen.has(own)) report(['name'], `service "${own}" is already defined in this file`, 'keep one');
    seen.add(own);
    const start = propertyOf(raw, 'start');
    if (propertyOf(raw, 'only_health_check') !== true && (typeof start !== 'string' || BLANK.test(start))) {
      report(['start'], 'is empty', 'give the command, or set only_health_check');
    }
    if (propertyOf(raw, 'only_health_check') === true && !isObject(propertyOf(raw, 'health'))) {
      report(['health'], 'is missing, and there is nothing else to do with the service');
    }
    if (propertyOf(raw, 'only_health_check') !== true && isGiven(propertyOf(raw, 'unit'))) {
      report(['unit'], 'is for only_health_check; the unit of this service has its name', 'leave it out');
    }
    if (propertyOf(raw, 'type') === 'oneshot' && ['always', 'on-success'].includes(String(propertyOf(raw, 'restart_policy')))) {
      report(['restart_policy'], 'a oneshot service ends by itself and cannot be restarted for that', 'use on-failure or no');
    }
    checkHealth(propertyOf(raw, 'health'), own, report);
    return problems;
  });
}

function checkHealth(raw: unknown, service: unknown, report: (path: readonly string[], reason: string, remedy?: string) => void): void {
  const name = propertyOf(raw, 'name');
  if (typeof name === 'string' && name !== service) {
    report(['health', 'name'], `is "${name}", not the name of the service`, 'leave it out, or write the name of the service');
  }
  const address = propertyOf(raw, 'address');
  const model = String(propertyOf(raw, 'model')).trim().toLowerCase();
  if (typeof address !== 'string' || !isHealthModel(model)) return;
  const check = healthCheckOf(model, address.trim());
  if ('mistake' in check) report(['health', 'address'], check.mistake);
  if ('mistake' in check) return;
  for (const key of ['status', 'certificates', 'socket'] as const) {
    const value = propertyOf(raw, key);
    if (!isGiven(value)) continue;
    const whole = healthCheckOf(model, address.trim(), { [key]: String(value) });
    if ('mistake' in whole) report(['health', key], whole.mistake);
  }
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function propertyOf(value: unknown, key: string): unknown {
  // Object.hasOwn has shown that the key exists, so the value is an object with this key.
  return isObject(value) && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}
