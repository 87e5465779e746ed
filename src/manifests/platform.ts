import * as z from 'zod';
import { dnsNameField, documentHead, identifierField, lineField, nameField, pathField } from './fields.ts';
import { initSchema } from './init.ts';
import { optionSchema } from './option.ts';

/**
 * Names that no authority of a platform may have, because the site stores its own authority (`site`, `ca`), its key pairs
 * (`pairs`) and the key by which it logs in (`login`) under them.
 */
const OWN_AUTHORITIES: readonly string[] = ['site', 'ca', 'pairs', 'login'];

/** Path segments and flags are no names. `caisson` is the name of the executable itself. */
const commandField = nameField.refine((name) => name !== 'caisson', 'is the name of the executable itself; choose another');

/** Schema of manifests/platform.yaml, with the settings of the cluster as a whole. */
export const platformSchema = z.strictObject({
  ...documentHead('Platform'),
  name: nameField.describe('Name of the platform.'),
  version: lineField.describe('Version of the platform.'),
  command: commandField
    .optional()
    .describe(
      'Name under which operators also find the command: a link /usr/local/bin/NAME to the executable on every host. A host that has another program of that name is refused.',
    ),
  upgradesFrom: z
    .array(lineField)
    .min(1)
    .optional()
    .describe('Versions of the bundle that this one may follow in an upgrade, such as 5.1.4 or 5.1.*; any when left out.'),
  variables: z
    .record(identifierField, z.string())
    .default({})
    .describe('Values for templates, ${var.NAME}. One may use those above it. cluster.yaml may replace them.'),
  options: z.array(optionSchema).default([]).describe('What sites choose, in options of cluster.yaml.'),
  otherImages: z
    .array(z.string().regex(/^(?:[^*\s]+\*?|\*)$/, 'is not an image; write its full name, or the beginning of names with * behind it'))
    .default([])
    .describe(
      'Images of images.txt that no component uses on purpose, such as those of applications: full names, or beginnings of them with `*` behind, such as `registry.example/acme/*`; `*` alone is every image.',
    ),
  init: initSchema.optional().describe('Words of the platform for `caisson init`.'),
  containerEngine: z
    .boolean()
    .default(true)
    .describe(
      'Whether hosts have a container engine that runs containers of components. false: services are processes and actions commands, and hosts take files of images (artifacts) from the depot.',
    ),
  definitionsDirectory: pathField.describe('Directory on each host from which the agent reads service definitions.'),
  authorities: z
    .array(
      z.strictObject({
        name: nameField
          .refine(
            (name) => !OWN_AUTHORITIES.includes(name),
            'is the name of an authority or a directory that every site has; choose another',
          )
          .describe('Name that certificates of components refer to.'),
        summary: lineField.describe('What it is for.'),
      }),
    )
    .default([])
    .describe('Certificate authorities beside the one of the site, for certificates that must not be good for each other.'),
  registry: z
    .strictObject({
      name: z.string().min(1).describe('DNS name, and port unless 443, by which images are named.'),
      component: nameField.describe('Component that is the registry.'),
      entry: nameField.optional().describe('Component through which hosts reach it, when it is not the registry itself.'),
      login: z
        .strictObject({
          user: lineField.describe('Name of the user who may write.'),
          secret: nameField.describe('Secret of that component that is the password.'),
        })
        .optional()
        .describe('With what an install logs in to fill it; without it, everybody may write.'),
    })
    .optional()
    .describe(
      "The cluster's own registry, whose certificate hosts trust. An install from a bundle fills it with every image of the bundle, under its own name without that of its registry.",
    ),
  hostNames: z
    .array(
      z.strictObject({
        names: z
          .array(z.union([dnsNameField, z.string().regex(/^\$\{[^}]+\}$/)]))
          .min(1)
          .describe('Names for /etc/hosts.'),
        component: nameField.describe('Component whose hosts they point to, in their order.'),
        address: z
          .string()
          .optional()
          .describe('One address that they point to instead, such as that of a load balancer in an option; the hosts where it is empty.'),
      }),
    )
    .default([])
    .describe('Names that every host knows, as a marked block in /etc/hosts.'),
});

export type PlatformManifest = z.output<typeof platformSchema>;
