import * as z from 'zod';
import { HEALTH_MODELS, MONITORS } from '../core/index.ts';
import {
  documentHead,
  fieldType,
  identifierField,
  imageField,
  lineField,
  modeField,
  nameField,
  ownerField,
  pathField,
  portField,
  siblingField,
} from './fields.ts';

/** Text that may hold placeholders. */
const templateField = z.string().max(4096).meta(fieldType('template'));

const environmentField = z
  .record(
    z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is not a name of an environment variable')
      .meta(fieldType('variable')),
    templateField,
  )
  .default({})
  .describe('Environment variables.');

const containerSchema = z.strictObject({
  image: imageField.describe('A NAME of images.txt.'),
  entrypoint: templateField.optional().describe("Program that replaces the image's entrypoint."),
  arguments: z.array(templateField).default([]).describe("Arguments; they replace the image's command."),
  environment: environmentField,
  mounts: z
    .array(z.string().regex(/^[^:]+:[^:]+(?::(?:ro|rw)(?:,[a-z]+)*)?$/, 'is not a mount; write it as host:container or host:container:ro'))
    .default([])
    .describe('Directories and files of the host, as host:container[:ro].'),
  user: templateField.optional().describe("User inside the container; the image's when left out."),
  workingDirectory: templateField.optional().describe("Working directory; the image's when left out."),
  privileged: z.boolean().default(false).describe('Gives the container every right on the host.'),
  capabilities: z
    .array(z.string().regex(/^[A-Z_]+$/, 'is not a capability; write it as NET_ADMIN'))
    .default([])
    .describe('Capabilities besides the default ones.'),
  network: z.enum(['host', 'none', 'bridge']).default('host').describe('Network of the container.'),
  stopTimeout: z.int().min(1).max(3600).default(30).describe('Seconds between the request to stop and the kill.'),
});

const processSchema = z.strictObject({
  command: z.array(templateField.min(1)).min(1).describe('Program, as an absolute path, and its arguments.'),
  environment: environmentField,
  workingDirectory: templateField.optional().describe('Working directory.'),
  keepChildren: z
    .boolean()
    .default(false)
    .describe(
      'Whether a stop ends the program alone and leaves the processes that it started, as those that hold pods; else all of them end.',
    ),
});

const endpointSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]*$/, 'is not an endpoint name; write it as DB_ENDPOINTS')
    .describe('Name of the endpoint, such as DB_ENDPOINTS.'),
  protocol: z
    .string()
    .regex(/^[a-z][a-z0-9+.-]*$/, 'is not a protocol')
    .optional()
    .describe('Becomes protocol://address:port.'),
  port: portField.describe('Port of the service.'),
});

const NAMES_OF_HTTP = { status: 'a status', certificates: 'certificates', socket: 'a socket' } as const;

const healthSchema = z.strictObject({
  model: z.enum(HEALTH_MODELS).describe('How to probe: a URL, a TCP port, or a command.'),
  address: templateField.min(1).describe('A URL for http, host:port for tcp, a line for bash for cmd.'),
  timeInterval: z.int().min(1).max(3600).default(5).describe('Seconds between two probes.'),
  maxErrorsNum: z.int().min(0).max(10_000).default(3).describe('Failures in a row before the service counts as unhealthy.'),
  timeout: z
    .int()
    .min(1)
    .max(600)
    .optional()
    .describe('Seconds until a probe without a result has failed; 10 (http), 5 (tcp) or 20 (cmd) when left out.'),
  grace: z
    .int()
    .min(0)
    .max(86_400)
    .optional()
    .describe('Seconds after a start in which failures do not count, until the first probe that is well; 60 when left out.'),
  status: z.string().optional().describe('For http: statuses that are well, such as 200-299, 401; every one below 500 when left out.'),
  certificates: pathField
    .optional()
    .describe(
      'For http: directory of a certificate by which the server knows the probe, with tls.crt, tls.key and ca.crt, which is trusted.',
    ),
  socket: pathField.optional().describe('For http: a Unix socket to connect to; the host of the URL is only a name then.'),
  onUnhealthy: z
    .enum(['restart', 'always', 'start', 'report'])
    .optional()
    .describe(
      'What the agent does once the service is unhealthy: restart its unit, always (also start it when it was stopped), ' +
        'start (start it when it failed or was stopped, and never interrupt it), or report. ' +
        'restart for container and process, start for a mount, report for the unit of a package and for what is only probed.',
    ),
});

const serviceSchema = z
  .strictObject({
    name: nameField.describe('Name of the service and of its systemd unit.'),
    container: containerSchema.optional().describe('The container to run.'),
    process: processSchema.optional().describe('A program of the host to run; instead of container.'),
    reload: z
      .union([
        z.strictObject({ signal: z.string().regex(/^[A-Z0-9]+$/) }),
        z.strictObject({ command: z.array(templateField.min(1)).min(1) }),
      ])
      .optional()
      .describe('How it takes files whose onChange is reload: a signal, or a command on the host.'),
    unit: z
      .string()
      .regex(/^[A-Za-z0-9:_.@-]+$/, 'is not a systemd unit')
      .optional()
      .describe('A systemd unit that a package brought: enabled, started and probed. Neither container nor unit: only probed.'),
    mount: pathField
      .optional()
      .describe('Path of a mount of the component: its unit is the one of the service, which is probed and started when it does not run.'),
    sockets: z
      .array(z.string().regex(/^[A-Za-z0-9:_.@-]+\.socket$/, 'is not a socket unit'))
      .default([])
      .describe(
        'Socket units by which a call starts that unit. They are stopped with it when the node goes down or the component is removed.',
      ),
    afterRemoval: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe(
        'A command that takes away what that unit or the process leaves, after it was stopped because the component leaves the host; not where the unit was there before. It may run twice, and a failure ends the removal.',
      ),
    endpoints: z.array(endpointSchema).default([]).describe('Where the service listens, for others to find.'),
    health: healthSchema.optional().describe('How to know that it works.'),
    restartPolicy: z.enum(['always', 'on-failure', 'no']).default('always').describe('When systemd starts it again.'),
    restartSec: z.int().min(0).max(3600).default(10).describe('Seconds before it is started again.'),
  })
  .superRefine((service, context) => {
    const kinds = [service.container, service.process, service.unit, service.mount].filter((kind) => kind !== undefined);
    if (kinds.length > 1)
      context.addIssue({
        code: 'custom',
        path: [service.mount === undefined ? 'unit' : 'mount'],
        message: `stands beside ${service.mount === undefined ? 'container or process' : 'container, process or unit'}; keep one of them`,
      });
    if (kinds.length === 0 && service.health?.onUnhealthy !== undefined && service.health.onUnhealthy !== 'report')
      context.addIssue({ code: 'custom', path: ['health', 'onUnhealthy'], message: 'names a restart, and there is no unit to restart' });
    for (const key of ['status', 'certificates', 'socket'] as const)
      if (service.health?.[key] !== undefined && service.health.model !== 'http')
        context.addIssue({ code: 'custom', path: ['health', key], message: `names ${NAMES_OF_HTTP[key]}, which only http has` });
    if (service.sockets.length > 0 && service.unit === undefined)
      context.addIssue({ code: 'custom', path: ['sockets'], message: 'start no unit; name it, or remove them' });
    if (service.afterRemoval !== undefined && service.unit === undefined && service.process === undefined)
      context.addIssue({ code: 'custom', path: ['afterRemoval'], message: 'comes after no unit; name it, or remove the command' });
    if (service.container === undefined && service.process === undefined && service.health === undefined) {
      context.addIssue({ code: 'custom', path: ['health'], message: 'is missing; without a container or a process there must be a probe' });
    }
  });

/** Effect on the services of a component when one of its files changes. */
const onChangeField = z
  .enum(['restart', 'reload', 'nothing'])
  .default('restart')
  .describe('What a change of it means for the services of the component.');

const fileSchema = z.strictObject({
  path: pathField.describe('Where the file goes on the host.'),
  mode: modeField.default('0644').describe('Permissions.'),
  owner: ownerField.default('root:root').describe('Owner.'),
  template: siblingField.describe('File beside component.yaml whose placeholders are filled in.'),
  onChange: onChangeField,
});

const fileNameField = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/, 'is not a file name; use letters, digits, . _ and -');

const certificateSchema = z
  .strictObject({
    name: nameField.describe('Name of the certificate.'),
    directory: pathField.describe('Where its files go.'),
    authority: nameField.default('site').describe('Who signs it: an authority of platform.yaml, or site, which also signs the agents.'),
    commonName: templateField
      .max(64)
      .optional()
      .describe("Common name of the subject; the first of hosts when left out. '' is none, which needs an organisation."),
    organizations: z
      .array(
        templateField
          .min(1)
          .refine(
            (name) => !name.startsWith('caisson:') || name === MONITORS,
            `starts with caisson:, which operators alone have; only ${MONITORS} may be named`,
          ),
      )
      .default([])
      .describe(`Organisations of the subject. With ${MONITORS}, a client may ask agents for their metrics.`),
    hosts: z
      .array(templateField.min(1))
      .default([])
      .describe('DNS names and addresses it is good for; one that is empty, as the value of an option that was not chosen, is left out.'),
    usages: z.enum(['client', 'server', 'both']).default('both').describe('What it may be used for.'),
    owner: ownerField.default('root:root').describe('Owner of the files.'),
    files: z
      .strictObject({
        certificate: fileNameField.default('tls.crt').describe('File of the certificate.'),
        key: fileNameField.default('tls.key').describe('File of the key.'),
        authority: fileNameField.default('ca.crt').describe("File of the authority's certificate."),
      })
      .prefault({})
      .describe('Names of the files.'),
    onChange: onChangeField,
  })
  .refine(({ commonName, organizations }) => commonName !== '' || organizations.length > 0, {
    path: ['commonName'],
    message: 'is empty, and a subject must not be; name an organisation, too',
  });

const keyPairSchema = z.strictObject({
  name: nameField.describe('Name of the pair; the hosts of the component share it.'),
  private: pathField.describe('Where the private key goes (PKCS #8, PEM).'),
  public: pathField.describe('Where the public key goes (SPKI, PEM).'),
  owner: ownerField.default('root:root').describe('Owner of the files.'),
  onChange: onChangeField,
});

const artifactSchema = z.strictObject({
  path: pathField.describe('Where the file goes on the host.'),
  mode: modeField.default('0755').describe('Permissions.'),
  owner: ownerField.default('root:root').describe('Owner.'),
  image: imageField.exactOptional().describe('A NAME of images.txt: the file comes out of this image.'),
  file: z
    .string()
    .min(1)
    .exactOptional()
    .describe('A NAME of files.txt, in the place of `image`: the file itself, or with `member` one of the archive.'),
  member: z
    .string()
    .regex(/^\//, 'is not an absolute path')
    .exactOptional()
    .describe('Path of the file in the image, or in the archive (tar, compressed by gzip or not) that `file` names.'),
  onChange: onChangeField,
});

/** Choices by option. What has it is part of a cluster only when each of these options has one of its listed choices. */
const whenSchema = z.record(identifierField, z.array(identifierField).min(1));

const mountSchema = z.strictObject({
  when: whenSchema.default({}).describe('Only in clusters that chose so: options of the platform, each with the choices that count.'),
  path: pathField.describe('Directory that it is mounted on; made where it is missing.'),
  what: templateField.min(1).describe('What is mounted, as mount(8) takes it.'),
  type: z
    .string()
    .regex(/^[a-z0-9._-]+$/, 'is not a type of file system')
    .describe('Type of the file system.'),
  options: templateField.min(1).default('defaults').describe('Mount options.'),
});

const routeSchema = z.strictObject({
  to: templateField.min(1).describe('Destination in CIDR notation.'),
  via: templateField.min(1).describe('Address of the next hop.'),
});

const userSchema = z.strictObject({
  name: nameField.describe('Name of the system user, and of its group.'),
  id: z.int().min(1).max(65_533).optional().describe('Number of user and group; the distribution chooses when left out.'),
  home: pathField.default('/nonexistent').describe('Home directory, which is not made.'),
});

const needSchema = z.strictObject({
  component: nameField.describe('Component that is needed.'),
  hosts: z
    .enum(['near', 'all', 'any', 'quorum'])
    .default('near')
    .describe('On which hosts it must be healthy: near (the same host if it runs there, else all), all, any one, or more than half.'),
});

/** A need that is written as a name alone gets `hosts: near`. */
const needField = z.union([nameField.transform((component) => ({ component, hosts: 'near' as const })), needSchema]);

const ACTION_MOMENTS = [
  'join',
  'leave',
  'once',
  'before-stop',
  'after-healthy',
  'before-upgrade',
  'secret-change',
  'backup',
  'restore',
  'cordon',
  'uncordon',
  'drain',
] as const;

const actionSchema = z
  .strictObject({
    name: nameField.describe('Name of the action; one of its kind in the component.'),
    summary: lineField.describe('What it does, for the plan.'),
    at: z
      .enum(ACTION_MOMENTS)
      .describe(
        'When: join (a host is added to a quorum that runs, before it starts there), leave (before it is removed from a host), once (after its first gate), ' +
          'before-stop (before every stop or restart), after-healthy (after the gate of every start), before-upgrade (before anything changes for a new release), ' +
          'secret-change (a secret gets a new value: before any file with that value is written), ' +
          'backup (caisson backup: it writes data of the component into a file), restore (caisson restore --data: it puts them back), ' +
          'cordon (caisson node cordon: the host gets no new work; also after every start there while it is cordoned), uncordon (caisson node uncordon), ' +
          'drain (the work of the host goes elsewhere before a component of `before` restarts in another release; the uncordon actions follow once the host is well again).',
      ),
    on: z
      .union([z.literal('self'), z.literal('seed'), z.strictObject({ component: nameField })])
      .default('self')
      .describe('Where it runs: self (the host in question), seed, or another host that runs a component and keeps it.'),
    each: z
      .enum(['cluster', 'host'])
      .default('host')
      .describe('For once, before-upgrade and secret-change: done one time in the cluster, or on every host.'),
    before: z
      .array(nameField)
      .min(1)
      .optional()
      .describe(
        'For drain: components of the same host that this one needs. Hosts take turns, each with all of these, until it is healthy again.',
      ),
    secret: nameField
      .optional()
      .describe(
        'For secret-change: the secret of this component. Texts of the action know ${secretFile.old} and ${secretFile.new}: files (mode 0600) with the two values where it runs.',
      ),
    command: z.array(templateField.min(1)).min(1).optional().describe('Program and arguments on the host itself.'),
    container: containerSchema.optional().describe('Container that runs to its end; instead of command.'),
    input: templateField.optional().describe('Text for its standard input.'),
    file: fileNameField
      .optional()
      .describe(
        'For backup: the file that it writes, as ${action.file} in ${action.directory}. For restore: the file of a backup that it reads there.',
      ),
    owner: ownerField
      .default('root:root')
      .describe('For backup and restore: owner of ${action.directory}, which has mode 0700, and of the file.'),
    while: z
      .enum(['running', 'stopped'])
      .default('running')
      .describe('For restore: whether the component runs meanwhile, with new data directories, or starts after it.'),
    done: z
      .union([z.array(templateField.min(1)).min(1), z.strictObject({ arguments: z.array(templateField).min(1) })])
      .optional()
      .describe(
        'Command that ends with 0 when it was done already, or { arguments } for the container of the action. Runs where the action runs.',
      ),
    timeout: z.int().min(1).max(86_400).default(600).describe('Seconds without output after which it has failed.'),
  })
  .superRefine((action, context) => {
    if ((action.command === undefined) === (action.container === undefined)) {
      context.addIssue({ code: 'custom', path: ['command'], message: 'is not the only one; give either command or container' });
    }
    if (action.container === undefined && action.done !== undefined && 'arguments' in action.done) {
      context.addIssue({ code: 'custom', path: ['done'], message: 'has arguments without a container; write the whole command as a list' });
    }
    const changes = action.at === 'secret-change';
    if (changes && action.secret === undefined) {
      context.addIssue({ code: 'custom', path: ['secret'], message: 'is missing; say which secret of the component is changed' });
    }
    if (changes && action.done === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['done'],
        message: 'is missing; a run that goes on after a kill asks it which value is taken',
      });
    }
    if (!changes && action.secret !== undefined) {
      context.addIssue({ code: 'custom', path: ['secret'], message: 'is for at: secret-change alone; remove it' });
    }
    if (action.at === 'drain' && action.before === undefined) {
      context.addIssue({ code: 'custom', path: ['before'], message: 'is missing; name the components before whose restart the work goes' });
    }
    if (action.at !== 'drain' && action.before !== undefined) {
      context.addIssue({ code: 'custom', path: ['before'], message: 'is for at: drain alone; remove it' });
    }
    for (const [path, message] of dataMistakes(action)) context.addIssue({ code: 'custom', path: [path], message });
  });

/** Mistakes in what an action says of data, with the key of each. */
function dataMistakes(action: {
  readonly at: (typeof ACTION_MOMENTS)[number];
  readonly on: unknown;
  readonly file?: string | undefined;
  readonly done?: unknown;
}): readonly (readonly [string, string])[] {
  const { at, on, file, done } = action;
  if (at !== 'backup' && at !== 'restore') {
    return file === undefined ? [] : [['file', 'is for backup and restore only; take it out']];
  }
  return [
    ...(file === undefined ? [['file', `is missing; name the file that the ${at} ${at === 'backup' ? 'writes' : 'reads'}`] as const] : []),
    ...(on === 'self' ? [] : [['on', `is not self; a ${at} runs on a host of its own component`] as const]),
    ...(done === undefined ? [] : [['done', `is for other moments; a ${at} runs each time that it is asked for`] as const]),
  ];
}

const updateSchema = z.strictObject({
  order: z
    .enum(['one-by-one', 'parallel'])
    .default('one-by-one')
    .describe('Hosts whose services restart: one after the other, each healthy again before the next, or all at once.'),
});

const alertSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Z][A-Za-z0-9]{0,62}$/, 'is not a name of an alert; write it as StoreWithoutMajority')
    .describe('Name of the alert; one of its kind in all manifests.'),
  expr: templateField
    .min(1)
    .regex(/^\S(?:[^\n\r]*\S)?$/, 'is not one line without spaces around it')
    .describe('Condition in the language of the component that watches the cluster, on one line.'),
  for: z
    .string()
    .regex(/^(?:0|[1-9][0-9]{0,4})[smhd]$/, 'is not a duration; write it as 5m')
    .default('5m')
    .describe('How long the condition holds before it is an alert.'),
  severity: z.enum(['warning', 'critical']).default('warning').describe('critical: somebody must come now.'),
  summary: lineField.regex(/^\S/, 'begins with a space').describe('What is wrong, for the person who is told.'),
});

const requiresSchema = z.strictObject({
  cgroups: z
    .array(z.literal([1, 2]))
    .min(1)
    .optional()
    .describe('Versions of control groups with which it runs: 1, 2 or both; both when left out.'),
  swap: z.boolean().default(true).describe('False where a host that swaps is a warning.'),
  syncedWrites: z
    .strictObject({
      directory: pathField.describe('Directory of the data; where it is missing, the nearest one above it is measured.'),
      milliseconds: z.int().min(1).max(10_000).describe('Milliseconds that one write may take on the average; slower is a warning.'),
    })
    .optional()
    .describe('How fast writes must be on the disk, for programs that wait for each. Measured before the component is installed.'),
});

/** Schema of manifests/components/NAME/component.yaml, which describes one piece of installed software. */
export const componentSchema = z.strictObject({
  ...documentHead('Component'),
  name: nameField.describe('Name of the component; its directory has the same.'),
  summary: lineField.describe('What it is.'),
  placement: z
    .enum(['every', 'one', 'quorum'])
    .default('every')
    .describe(
      'every: each host whose role lists it. one: a single host, chosen at the first install and kept. quorum: each host whose role lists it, ' +
        'as members that join and leave one at a time.',
    ),
  unless: z.array(nameField).default([]).describe('Not on a host that runs one of these components.'),
  when: whenSchema
    .default({})
    .describe(
      'Only in clusters that chose so: options of the platform, each with the choices that count. Every option that is given must match.',
    ),
  needs: z.array(needField).prefault([]).describe('Components that must be healthy first, by name or as { component, hosts }.'),
  update: updateSchema.prefault({}).describe('How a running component is changed.'),
  actions: z.array(actionSchema).prefault([]).describe('What the platform does at certain moments of the life of the component.'),
  requires: requiresSchema.prefault({}).describe('What preflight asks of its hosts.'),
  users: z.array(userSchema).default([]).describe('System users that must exist.'),
  modules: z
    .array(z.string().regex(/^[A-Za-z0-9_-]+$/, 'is not a kernel module'))
    .default([])
    .describe('Kernel modules that must be loaded, now and at boot.'),
  sysctls: z
    .record(
      z.string().regex(/^[a-z0-9_]+(\.[A-Za-z0-9_-]+)+$/, 'is not a kernel setting; write it as net.ipv4.ip_forward'),
      templateField.min(1),
    )
    .default({})
    .describe('Kernel settings, now and at boot.'),
  mounts: z
    .array(mountSchema)
    .default([])
    .describe(
      'File systems that must be mounted, now and at boot: after the packages of the component and what it needs. Components that need it are configured ' +
        'and started behind them.',
    ),
  routes: z.array(routeSchema).default([]).describe('Routes of the host, now and after a boot.'),
  artifacts: z.array(artifactSchema).prefault([]).describe('Files that come out of images, or from files.txt.'),
  images: z
    .array(imageField)
    .prefault([])
    .describe(
      'Names of images.txt that its hosts hold although none of its services starts them, such as those that another program starts by name.',
    ),
  packageSets: z.array(nameField).default([]).describe('Package sets of manifests/os that its hosts get.'),
  ports: z
    .array(
      z.strictObject({
        port: portField.describe('The port.'),
        protocol: z.enum(['tcp', 'udp']).default('tcp').describe('Transport of the port.'),
        address: templateField
          .min(1)
          .optional()
          .describe('The only address that it listens on, such as ${node.address}; left out, it may be any of the host.'),
      }),
    )
    .default([])
    .describe('Ports that must be free before it is installed.'),
  directories: z
    .array(
      z.strictObject({
        path: pathField.describe('Directory on the host.'),
        mode: modeField.default('0755').describe('Permissions.'),
        owner: ownerField.default('root:root').describe('Owner.'),
        shared: z
          .boolean()
          .default(false)
          .describe('What other components keep below it is data of this component, which goes with it and not with them.'),
      }),
    )
    .default([])
    .describe('Directories that must exist.'),
  secrets: z
    .array(
      z.strictObject({
        name: nameField.describe('Name for ${secret.NAME}; one of its kind in all manifests.'),
        length: z.int().min(12).max(128).default(24).describe('Number of characters.'),
        inData: z
          .boolean()
          .default(true)
          .describe('False where no data are made with the value: it may change without an action that tells the program.'),
      }),
    )
    .default([])
    .describe('Random passwords, made at install and kept on the seed. Only templates of files may use them.'),
  certificates: z.array(certificateSchema).default([]).describe('Certificates signed by an authority of the cluster.'),
  keyPairs: z.array(keyPairSchema).default([]).describe('Key pairs that are made once and that its hosts share.'),
  files: z.array(fileSchema).default([]).describe('Files made from templates.'),
  values: z
    .record(
      identifierField,
      z
        .strictObject({
          each: nameField.optional().describe('Component; there is one item per host that runs it.'),
          of: z
            .enum(['alerts'])
            .optional()
            .describe('Instead of each: alerts, of which there is one item for each that a component of the cluster declares.'),
          as: templateField.describe(
            'The item; knows ${each.name}, ${each.address}, ${each.urlAddress} and ${each.index}, or, of alerts, ' +
              '${alert.name}, ${alert.component}, ${alert.expr}, ${alert.for}, ${alert.severity} and ${alert.summary}.',
          ),
          join: z.string().max(20).default(',').describe('Text between two items.'),
          first: z.boolean().default(false).describe('Only the item of the first host; with others it would be a list.'),
          when: whenSchema.default({}).describe('Only in clusters that chose so, as when of the component; else it is empty.'),
          keep: z
            .boolean()
            .default(false)
            .describe('Computed once for each host, when the component first stands there, and kept: later members do not change it.'),
        })
        .superRefine(({ each, of, keep, first, when }, context) => {
          if ((each === undefined) === (of === undefined))
            context.addIssue({ code: 'custom', path: ['each'], message: 'is not the only one; give either each or of' });
          const ofHosts = { keep, first, when: Object.keys(when).length > 0 };
          for (const [key, isGiven] of Object.entries(ofHosts))
            if (of !== undefined && isGiven) context.addIssue({ code: 'custom', path: [key], message: 'is for each alone; remove it' });
        }),
    )
    .default({})
    .describe('Lists over hosts or alerts, for ${value.NAME}.'),
  alerts: z
    .array(alertSchema)
    .default([])
    .describe('Conditions that a person is told of, for the component that watches the cluster (`of: alerts` in its values).'),
  services: z.array(serviceSchema).prefault([]).describe('Service definitions for the agent.'),
});

export type Component = z.output<typeof componentSchema>;
export type ComponentService = z.output<typeof serviceSchema>;
export type ComponentContainer = z.output<typeof containerSchema>;
export type ComponentAction = z.output<typeof actionSchema>;
export type ComponentAlert = z.output<typeof alertSchema>;
export type ComponentNeed = z.output<typeof needSchema>;
export type ComponentCertificate = z.output<typeof certificateSchema>;
export type ComponentMount = z.output<typeof mountSchema>;
