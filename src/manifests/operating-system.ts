import * as z from 'zod';
import { documentHead, lineField, nameField, siblingField } from './fields.ts';

const packageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]*$/, 'is not a package name; use lower-case letters, digits, + . and -');

const repositorySchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).describe('Where the repository is.'),
  suites: z.array(lineField).min(1).describe('Suites that are merged, such as bookworm and bookworm-updates.'),
  components: z.array(lineField).min(1).default(['main']).describe('Parts of the suites.'),
  signedBy: siblingField.describe('Keyring beside this document that must have signed it.'),
});

/** manifests/os/ID-VERSION.yaml: where the packages of a distribution come from and which ones roles and components need. */
export const operatingSystemSchema = z.strictObject({
  ...documentHead('OperatingSystem'),
  id: z
    .string()
    .regex(/^[a-z0-9._-]+$/, 'is not an ID of /etc/os-release')
    .describe('ID in /etc/os-release.'),
  version: z.string().min(1).describe('VERSION_ID in /etc/os-release.'),
  packages: z.enum(['apt']).describe('Kind of the package manager.'),
  codename: nameField.describe('Name of the release.'),
  repositories: z.array(repositorySchema).min(1).describe('Where the packages come from; all are searched.'),
  base: z
    .strictObject({
      priorities: z
        .array(z.enum(['required', 'important', 'standard']))
        .default(['required', 'important'])
        .describe('Priorities of packages that every host has.'),
      packages: z.array(packageName).default([]).describe('Packages that every host has besides.'),
    })
    .prefault({})
    .describe('What a bare host has already: where the closure may stop. Newer versions travel when something needs them.'),
  packageSets: z
    .array(
      z.strictObject({
        name: nameField.describe('Name by which roles and components ask for the set.'),
        packages: z.array(packageName).min(1).describe('Packages; what they depend on comes along.'),
      }),
    )
    .default([])
    .describe('Packages by purpose.'),
});

export type OperatingSystem = z.output<typeof operatingSystemSchema>;
