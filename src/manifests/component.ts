import * as z from 'zod';
import { HEALTH_MODELS } from '../core/index.ts';
import {
  documentHead,
  fieldType,
  identifierField,
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
  image: z.string().min(1).describe('A NAME of images.txt.'),
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

const healthSchema = z.strictObject({
  model: z.enum(HEALTH_MODELS).describe('How to probe: a URL, a TCP port, or a command.'),
  address: templateField.min(1).describe('A URL for http, host:port for tcp, a line for bash for cmd.'),
  timeInterval: z.int().min(1).max(3600).default(5).describe('Seconds between two probes.'),
  maxErrorsNum: z.int().min(0).max(10_000).default(3).describe('Failures in a row before the service counts as unhealthy.'),
});

const serviceSchema = z
  .strictObject({
    name: nameField.describe('Name of the service and of its systemd unit.'),
    container: containerSchema.optional().describe('The container to run.'),
    unit: z
      .string()
      .regex(/^[A-Za-z0-9:_.@-]+$/, 'is not a systemd unit')
      .optional()
      .describe('A systemd unit that a package brought: enabled, started and probed. Neither container nor unit: only probed.'),
    endpoints: z.array(endpointSchema).default([]).describe('Where the service listens, for others to find.'),
    health: healthSchema.optional().describe('How to know that it works.'),
    restartPolicy: z.enum(['always', 'on-failure', 'no']).default('always').describe('When systemd starts it again.'),
    restartSec: z.int().min(0).max(3600).default(10).describe('Seconds before it is started again.'),
  })
  .superRefine((service, context) => {
    if (service.container !== undefined && service.unit !== undefined) {
      context.addIssue({ code: 'custom', path: ['unit'], message: 'stands beside container; keep one of the two' });
    }
    if (service.container === undefined && service.health === undefined) {
      context.addIssue({ code: 'custom', path: ['health'], message: 'is missing; without a container there must be a probe' });
    }
  });

const fileSchema = z.strictObject({
  path: pathField.describe('Where the file goes on the host.'),
  mode: modeField.default('0644').describe('Permissions.'),
  owner: ownerField.default('root:root').describe('Owner.'),
  template: siblingField.describe('File beside component.yaml whose placeholders are filled in.'),
});

/** When a component is part of a cluster at all: choices by option. */
const whenSchema = z.record(identifierField, z.array(identifierField).min(1));

/** manifests/components/NAME/component.yaml: one piece of installed software. */
export const componentSchema = z.strictObject({
  ...documentHead('Component'),
  name: nameField.describe('Name of the component; its directory has the same.'),
  summary: lineField.describe('What it is.'),
  placement: z
    .enum(['every', 'first'])
    .default('every')
    .describe('Every host whose role lists it, or only the first of them in cluster.yaml.'),
  unless: z.array(nameField).default([]).describe('Not on a host that runs one of these components.'),
  when: whenSchema
    .default({})
    .describe(
      'Only in clusters that chose so: options of the platform, each with the choices that count. Every option that is given must match.',
    ),
  needs: z.array(nameField).default([]).describe('Components that must be healthy first: those on the same host, else on all their hosts.'),
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
      }),
    )
    .default([])
    .describe('Directories that must exist.'),
  secrets: z
    .array(
      z.strictObject({
        name: nameField.describe('Name for ${secret.NAME}; one of its kind in all manifests.'),
        length: z.int().min(12).max(128).default(24).describe('Number of characters.'),
      }),
    )
    .default([])
    .describe('Random passwords, made at install and kept on the seed. Only templates of files may use them.'),
  certificates: z
    .array(
      z.strictObject({
        name: nameField.describe('Name of the certificate.'),
        directory: pathField.describe('Where tls.crt, tls.key and ca.crt go.'),
        hosts: z.array(templateField.min(1)).min(1).describe('DNS names and addresses it is good for.'),
        owner: ownerField.default('root:root').describe('Owner of the files.'),
      }),
    )
    .default([])
    .describe("Certificates signed by the cluster's CA."),
  files: z.array(fileSchema).default([]).describe('Files made from templates.'),
  values: z
    .record(
      identifierField,
      z.strictObject({
        each: nameField.describe('Component; there is one item per host that runs it.'),
        as: templateField.describe('The item; knows ${each.name}, ${each.address}, ${each.urlAddress} and ${each.index}.'),
        join: z.string().max(20).default(',').describe('Text between two items.'),
      }),
    )
    .default({})
    .describe('Lists over hosts, for ${value.NAME}.'),
  services: z.array(serviceSchema).default([]).describe('Service definitions for the agent.'),
});

export type Component = z.output<typeof componentSchema>;
export type ComponentService = z.output<typeof serviceSchema>;
export type ComponentContainer = z.output<typeof containerSchema>;
