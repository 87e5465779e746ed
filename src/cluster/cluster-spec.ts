import * as z from 'zod';
import type { InputProblem } from '../core/index.ts';
import { nearestName, parseYaml, problemOf, readYaml, suggestName, type DocumentPath, type YamlDocument } from '../io/index.ts';
import {
  cidrField,
  dnsNameField,
  documentHead,
  fieldType,
  identifierField,
  isAddress,
  lineField,
  nameField,
  portField,
  type PlatformOption,
} from '../manifests/index.ts';
import { hostAddressField } from './host-address.ts';
import { networkContains, networksOverlap, normalAddress } from './networks.ts';
import { findOptionMistakes, optionField } from './options.ts';
import { pathProblem, pathVariables, type PathManifests } from './path-variables.ts';

const DEFAULT_POD_CIDR = '10.20.0.0/16';
const DEFAULT_SERVICE_CIDR = '10.96.0.0/12';

/** A SHA-256 fingerprint as `ssh-keygen -l` prints it: base64 without padding. */
const fingerprintField = z
  .string()
  .regex(/^SHA256:[A-Za-z0-9+/]{43}$/, 'is not a fingerprint; copy it from: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub')
  .meta(fieldType('fingerprint'));

const userField = z
  .string()
  .regex(/^[a-z_][a-z0-9_.-]{0,31}\$?$/i, 'is not a user name; write a login name such as root')
  .meta(fieldType('user'));

/** `host`, `user@host` or `user@host:port`, with an IPv6 address in brackets. */
const jumpField = z
  .string()
  .regex(
    /^(?:[A-Za-z_][A-Za-z0-9_.-]*@)?(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])(?::[1-9][0-9]{0,4})?$/,
    'is not a jump host; write user@host:port, with an IPv6 address in brackets',
  );

const jumpsField = z.union([jumpField, z.array(jumpField)], {
  error: 'is not a jump host or a list of them; write user@host:port, with an IPv6 address in brackets',
});

const sshSchema = z.strictObject({
  user: userField.optional().describe('Login on every host; root when left out. Any user but root needs sudo.'),
  port: portField.optional().describe('Port of sshd; 22 when left out.'),
  jump: jumpsField
    .optional()
    .describe('Host to go through, as user@host:port, or several, the nearest first. Its key must be in knownHosts; it gets no password.'),
  config: z
    .union([z.boolean(), lineField])
    .default(false)
    .describe(
      'Have OpenSSH say what ~/.ssh/config and /etc/ssh/ssh_config, or the file named here, have for the name and the address of a host. What is written in this file counts first.',
    ),
  identityFile: lineField.optional().describe('Private key. Without it the usual ones in ~/.ssh are tried.'),
  passphraseFile: lineField.optional().describe('File (mode 0600) with the passphrase of the private key.'),
  agent: z.boolean().default(true).describe('Ask the agent behind SSH_AUTH_SOCK, where there is one.'),
  passwordFile: lineField.optional().describe('File (mode 0600) with the login password. A password is never written here itself.'),
  sudoPasswordFile: lineField.optional().describe('File (mode 0600) with the password that sudo asks for. Without it sudo must not ask.'),
  knownHosts: lineField
    .optional()
    .describe(
      'Host keys that are trusted; ~/.ssh/known_hosts when left out. A host that is not in it is refused unless its node has a hostKey.',
    ),
});

const nodeSshSchema = z.strictObject({
  user: userField.optional().describe('Login on this host; ssh.user when left out.'),
  port: portField.optional().describe('Port of sshd on this host; ssh.port when left out.'),
  identityFile: lineField.optional().describe('Private key for this host; ssh.identityFile when left out.'),
  jump: jumpsField.optional().describe('Host to go through to this host, or several; [] for none; ssh.jump when left out.'),
  hostKey: fingerprintField.optional().describe('Fingerprint of the host key, instead of an entry in knownHosts.'),
});

const nodeSchema = z.strictObject({
  name: nameField.describe('Name of the host in the cluster; becomes its host name in /etc/hosts.'),
  address: hostAddressField.describe('Address by which the other hosts reach it.'),
  roles: z.array(nameField).min(1).describe('What the host is for: names of manifests/roles.'),
  ssh: nodeSshSchema.optional().describe('What differs from the ssh section for this host.'),
});

const networkSchema = z.strictObject({
  podCIDR: cidrField.default(DEFAULT_POD_CIDR).describe('Addresses of containers. Must not meet any network of the site.'),
  serviceCIDR: cidrField.default(DEFAULT_SERVICE_CIDR).describe('Addresses of services. Must not meet any network of the site.'),
});

const depotSchema = z.strictObject({
  name: dnsNameField.optional().describe('DNS name by which nodes reach the depot on the seed; depot.NAME.internal when left out.'),
  address: hostAddressField.optional().describe('Address of the seed, when the seed is not one of the nodes.'),
  port: portField.default(5443).describe('Port of the depot on the seed.'),
  copies: z
    .int()
    .min(1)
    .max(9)
    .default(2)
    .describe(
      'Machines that have the bundle: the seed, and the first other nodes of roles that keep it (keepsBundle), as far as there are so many.',
    ),
});

const trustSchema = z.strictObject({
  allowedSigners: lineField.describe(
    'File with the keys that may sign bundles, as ssh-keygen reads it (ALLOWED SIGNERS). A bundle that none of them signed is refused.',
  ),
  revokedKeys: lineField.optional().describe('File with keys that do not count any more: a list, or a KRL of ssh-keygen.'),
});

/** A directory of the seed. `/` itself is refused. */
const directoryField = lineField
  .regex(/^\/[^/]/, 'is not an absolute path; begin it with /')
  .refine((path) => !path.split('/').includes('..'), 'has a ".." component; write the path out');

/** Times of systemd.time(7), CALENDAR EVENTS: a word that systemd knows, or an expression with numbers or stars. */
const CALENDAR = /^(?:minutely|hourly|daily|weekly|monthly|quarterly|semiannually|yearly|annually|(?=.*[\d*])[A-Za-z0-9*:,./~ _+-]+)$/;
const NO_CALENDAR = 'is not a time of systemd; write daily, or 02:30, or Sun 02:30, and try it: systemd-analyze calendar TEXT';
const scheduleField = lineField.regex(CALENDAR, NO_CALENDAR);

const backupSchema = z.strictObject({
  directory: directoryField.describe('Directory on the seed for the backups, as an absolute path. It must be there.'),
  recipients: z
    .array(lineField)
    .min(1)
    .describe('Files with OpenPGP public keys, as "gpg --export --armor NAME" writes them. Each of their private keys opens a backup.'),
  keep: z.int().min(1).max(9999).default(14).describe('Backups of this site that stay in the directory. Older ones are removed.'),
  schedule: scheduleField
    .optional()
    .describe(
      'When the seed makes a backup by itself, as OnCalendar of systemd takes it, such as `daily` or `Sun 02:30`. Never when left out.',
    ),
});

const certificatesSchema = z.strictObject({
  renewal: lineField
    .refine((text) => text === 'never' || CALENDAR.test(text), `${NO_CALENDAR}; or never`)
    .default('weekly')
    .describe(
      'When the seed renews the certificates that are due by itself, as OnCalendar of systemd takes it, such as `weekly` or `Sun 02:30`; `never` leaves that to runs of operators.',
    ),
});

/** Schema of cluster.yaml, which lists the hosts of one site and its differences from the defaults of the platform. */
export const clusterSchema = z.strictObject({
  ...documentHead('Cluster'),
  name: nameField.describe('Name of the cluster.'),
  domain: dnsNameField.optional().describe('Domain of the applications that run on the cluster; apps.NAME.internal when left out.'),
  variables: z.record(identifierField, z.string()).default({}).describe('Values that replace those of the same name in platform.yaml.'),
  ssh: sshSchema.prefault({}).describe('How to log in to the hosts. The machine that installs needs none for itself.'),
  depot: depotSchema.prefault({}).describe('The registry and package repository that the seed serves from the bundle.'),
  trust: trustSchema.optional().describe('Whose bundles are installed. Without it, no signature is asked for.'),
  backup: backupSchema
    .optional()
    .describe('Where backups of the site go. With it, "caisson upgrade" makes one before it changes anything.'),
  certificates: certificatesSchema.prefault({}).describe('Certificates of the site.'),
  nodes: z.array(nodeSchema).min(1).describe('The hosts of the cluster.'),
  place: z
    .record(z.string().meta(fieldType('identifier')), nameField)
    .default({})
    .describe(
      'The node on which a component of `placement: one` runs. The first node of its roles, or where it stands already, when left out; written by `caisson component move`.',
    ),
  network: networkSchema.prefault({}).describe('Network of the containers.'),
  options: z
    .record(z.string().meta(fieldType('identifier')), optionField)
    .default({})
    .describe('Choices among the options that platform.yaml declares.'),
});

export type NodeSpec = z.output<typeof nodeSchema>;
type ParsedCluster = z.output<typeof clusterSchema>;

/** A declared cluster with every default filled in. */
export interface ClusterSpec extends Omit<ParsedCluster, 'domain' | 'depot'> {
  readonly domain: string;
  readonly depot: { readonly name: string; readonly address?: string | undefined; readonly port: number; readonly copies: number };
}

/** Names that cluster.yaml may use, and the manifests that use them. Without them, names are not checked. */
export interface KnownNames extends PathManifests {
  readonly roles: ReadonlyMap<string, unknown>;
  readonly platform: PathManifests['platform'] & { readonly options: readonly PlatformOption[] };
}

/**
 * Reads cluster.yaml strictly. Throws InvalidInputError with every mistake and its position: unknown keys, names and
 * addresses that clash, networks that overlap each other or contain a node. When `known` is given (the manifests),
 * mistakes are also: roles, variables and options that the platform does not have, and values that cannot be parts of
 * paths although manifests use them in paths.
 */
export function parseClusterSpec(text: string, file: string, known?: KnownNames): ClusterSpec {
  const parsed = parseYaml(text, file, clusterSchema, (document) => crossCheck(document, known));
  return {
    ...parsed,
    domain: parsed.domain ?? `apps.${parsed.name}.internal`,
    depot: { ...parsed.depot, name: parsed.depot.name ?? `depot.${parsed.name}.internal` },
  };
}

/** The document that declares a cluster. It reports problems with their position. */
export type ClusterDocument = Pick<YamlDocument, 'file' | 'problemAt'>;

/** Reads cluster.yaml as parseClusterSpec does and also returns the document, so that later checks can report positions. */
export function readClusterSpec(
  text: string,
  file: string,
  known?: KnownNames,
): { readonly spec: ClusterSpec; readonly document: ClusterDocument } {
  return { spec: parseClusterSpec(text, file, known), document: readYaml(text, file) };
}

/**
 * Schema for checks that compare several keys. It replaces each wrong value by undefined or an empty one, so that the
 * checks still run when another part of the document is wrong.
 */
const text = z.string().optional().catch(undefined);
const lenientSchema = z
  .looseObject({
    variables: z.record(z.string(), z.unknown()).catch({}),
    options: z.record(z.string(), z.unknown()).catch({}),
    depot: z.looseObject({ name: text, address: text }).optional().catch(undefined),
    nodes: z
      .array(
        z
          .looseObject({ name: text, address: text, roles: z.array(text).catch([]) })
          .catch({ name: undefined, address: undefined, roles: [] }),
      )
      .catch([]),
    network: z.looseObject({ podCIDR: text, serviceCIDR: text }).optional().catch(undefined),
  })
  .catch({ variables: {}, options: {}, depot: undefined, nodes: [], network: undefined });

type LenientCluster = z.output<typeof lenientSchema>;

function crossCheck(document: YamlDocument, known: KnownNames | undefined): InputProblem[] {
  const cluster = lenientSchema.parse(document.value);
  return [
    ...duplicateNodes(document, cluster),
    ...networkClashes(document, cluster),
    ...(known === undefined
      ? []
      : [...unknownNames(document, cluster, known), ...badPaths(document, cluster, known), ...optionMistakes(document, cluster, known)]),
  ];
}

function duplicateNodes(document: YamlDocument, cluster: LenientCluster): InputProblem[] {
  const problems: InputProblem[] = [];
  const names = new Map<string, number>();
  const addresses = new Map<string, number>();
  for (const [index, node] of cluster.nodes.entries()) {
    if (node.name !== undefined) {
      const other = names.get(node.name);
      if (other === undefined) names.set(node.name, index);
      else problems.push(document.problemAt(['nodes', index, 'name'], `nodes[${other}] has the name "${node.name}" too`));
    }
    if (node.address !== undefined && isAddress(node.address)) {
      const address = normalAddress(node.address);
      const other = addresses.get(address);
      if (other === undefined) addresses.set(address, index);
      else problems.push(document.problemAt(['nodes', index, 'address'], `nodes[${other}] has the address "${address}" too`));
    }
    const roles = new Set<string>();
    for (const [place, role] of node.roles.entries()) {
      if (role === undefined) continue;
      if (roles.has(role)) problems.push(document.problemAt(['nodes', index, 'roles', place], `"${role}" is written twice`));
      roles.add(role);
    }
  }
  const depot = cluster.depot?.name;
  if (depot !== undefined && names.has(depot)) {
    problems.push(document.problemAt(['depot', 'name'], `is the name of a node, "${depot}"`, 'give the depot a name of its own'));
  }
  return problems;
}

function networkClashes(document: YamlDocument, cluster: LenientCluster): InputProblem[] {
  const problems: InputProblem[] = [];
  const declared = [
    { key: 'podCIDR', cidr: cluster.network?.podCIDR ?? DEFAULT_POD_CIDR },
    { key: 'serviceCIDR', cidr: cluster.network?.serviceCIDR ?? DEFAULT_SERVICE_CIDR },
  ];
  const networks = declared.filter(({ cidr }) => cidrField.safeParse(cidr).success);
  const [pods, services] = networks;
  if (pods !== undefined && services !== undefined && networksOverlap(pods.cidr, services.cidr)) {
    problems.push(
      document.problemAt(['network', services.key], `${services.cidr} overlaps ${pods.key} (${pods.cidr})`, 'choose another network'),
    );
  }
  const addresses: { readonly path: DocumentPath; readonly address: string | undefined }[] = [
    ...cluster.nodes.map((node, index) => ({ path: ['nodes', index, 'address'], address: node.address })),
    { path: ['depot', 'address'], address: cluster.depot?.address },
  ];
  for (const { path, address } of addresses) {
    if (address === undefined || !isAddress(address)) continue;
    for (const { key, cidr } of networks) {
      if (networkContains(cidr, address)) {
        problems.push(document.problemAt(path, `${address} lies in network.${key} (${cidr})`, `choose another network.${key}`));
      }
    }
  }
  return problems;
}

function unknownNames(document: YamlDocument, cluster: LenientCluster, known: KnownNames): InputProblem[] {
  const problems: InputProblem[] = [];
  for (const [index, node] of cluster.nodes.entries()) {
    for (const [place, role] of node.roles.entries()) {
      if (role === undefined || known.roles.has(role)) continue;
      problems.push(
        document.problemAt(['nodes', index, 'roles', place], `there is no role "${role}"`, suggestName(role, known.roles.keys())),
      );
    }
  }
  const variables = Object.keys(known.platform.variables);
  for (const name of Object.keys(cluster.variables)) {
    if (variables.includes(name)) continue;
    problems.push(
      document.problemAt(['variables', name], `the platform has no variable "${name}"`, suggestName(name, variables), { key: true }),
    );
  }
  return problems;
}

function optionMistakes(document: YamlDocument, cluster: LenientCluster, { platform }: KnownNames): InputProblem[] {
  const mistakes = findOptionMistakes(cluster.options, platform.options).map((mistake) => problemOf(document, mistake));
  return [...mistakes, ...misplacedOptions(document, cluster, platform.options)];
}

/** Reports options that are written at the top level, or in the section `network`, instead of below `options`. */
function misplacedOptions(document: YamlDocument, cluster: LenientCluster, options: readonly PlatformOption[]): InputProblem[] {
  const names = options.map(({ name }) => name);
  const sectionKeys = Object.keys(networkSchema.shape);
  const misplaced = [
    ...Object.keys(cluster).flatMap((key) =>
      names.includes(key) && !Object.hasOwn(clusterSchema.shape, key) ? [{ name: key, path: [key] }] : [],
    ),
    ...Object.keys(names.includes('network') ? (cluster.network ?? {}) : {})
      .filter((key) => !sectionKeys.includes(key) && nearestName(key, sectionKeys) === undefined)
      .map((key) => ({ name: 'network', path: ['network', key] })),
  ];
  return misplaced.map(({ name, path }) =>
    document.problemAt(path, `"${name}" is an option of the platform`, `write it as options.${name}`, { key: true }),
  );
}

function badPaths(document: YamlDocument, { variables }: LenientCluster, known: KnownNames): InputProblem[] {
  const uses = pathVariables(known, variables);
  return Object.entries(variables).flatMap(([name, value]) => {
    const use = uses.get(name);
    const problem = use === undefined || typeof value !== 'string' ? undefined : pathProblem(value, use);
    return problem === undefined ? [] : [document.problemAt(['variables', name], problem.reason, problem.remedy)];
  });
}
