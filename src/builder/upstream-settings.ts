import * as z from 'zod';
import { InvalidInputError, messageOf } from '../core/index.ts';
import { formatPath, parseBoundedJson } from '../io/index.ts';

/** Variables that say how this machine reaches registries and mirrors, and where credentials for them are. */
const VARIABLES = [
  'HTTPS_PROXY',
  'https_proxy',
  'HTTP_PROXY',
  'http_proxy',
  'ALL_PROXY',
  'all_proxy',
  'NO_PROXY',
  'no_proxy',
  'REGISTRY_AUTH_FILE',
  'DOCKER_CONFIG',
  'XDG_RUNTIME_DIR',
  'XDG_CONFIG_HOME',
  'HOME',
  'NETRC',
  'NODE_EXTRA_CA_CERTS',
] as const;

const settingsSchema = z.strictObject({
  apiVersion: z.literal('caisson/v1'),
  kind: z.literal('UpstreamSettings'),
  /** Values of --mirror. */
  mirrors: z.array(z.string()),
  /** Certificates (PEM) of authorities that are trusted besides the usual ones. */
  authorities: z.array(z.string()),
  /** Certificates with their keys (PEM) by host. */
  clientCertificates: z.record(z.string(), z.string()).exactOptional(),
  environment: z.partialRecord(z.enum(VARIABLES), z.string()),
});

/**
 * How a depot that runs as a service reaches upstream. It holds no credential of a registry, but a proxy's address may hold
 * one, and certificates come with their keys: the file is a secret.
 */
export type UpstreamSettings = Readonly<z.output<typeof settingsSchema>>;

interface Trusted {
  readonly authorities: readonly string[];
  readonly clientCertificates: ReadonlyMap<string, string>;
}

/** The settings of a process with these flags and this environment, for another process. */
export function upstreamSettings(
  mirrors: readonly string[],
  { authorities, clientCertificates }: Trusted,
  env: Readonly<Record<string, string | undefined>>,
): UpstreamSettings {
  const known = VARIABLES.flatMap((name): [string, string][] => {
    const value = env[name];
    return value === undefined || value === '' ? [] : [[name, value]];
  });
  return settingsSchema.parse({
    apiVersion: 'caisson/v1',
    kind: 'UpstreamSettings',
    mirrors: [...mirrors],
    authorities: [...authorities],
    ...(clientCertificates.size === 0 ? {} : { clientCertificates: Object.fromEntries(clientCertificates) }),
    environment: Object.fromEntries(known),
  });
}

export function formatUpstreamSettings(settings: UpstreamSettings): string {
  return `${JSON.stringify(settings, null, 1)}\n`;
}

/** Reads settings strictly. `file` is their name in messages. Throws INPUT_INVALID with every mistake. */
export function parseUpstreamSettings(text: string, file: string): UpstreamSettings {
  const hint = 'Run caisson install --online with --lock, --mirror and --ca again: it writes this file';
  let document: unknown;
  try {
    document = parseBoundedJson(text);
  } catch (cause) {
    throw new InvalidInputError(file, [{ reason: `is not JSON: ${messageOf(cause)}` }], { hint, cause });
  }
  const { data, error } = settingsSchema.safeParse(document);
  if (data !== undefined) return data;
  const problems = (error?.issues ?? []).map(({ path, message }) => ({ path: formatPath(path), reason: message }));
  throw new InvalidInputError(file, problems, { hint });
}
