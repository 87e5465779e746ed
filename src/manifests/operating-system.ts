import * as z from 'zod';
import { systemSchemas } from '../ospkg/index.ts';
import { documentHead } from './fields.ts';

/**
 * Schema of manifests/os/ID-VERSION.yaml: the package repositories of a distribution, and the packages that roles and
 * components need. The key `packages` names the package format, which decides the other keys.
 */
export const operatingSystemSchema = z.discriminatedUnion(
  'packages',
  systemSchemas({
    ...documentHead('OperatingSystem'),
    id: z
      .string()
      .regex(/^[a-z0-9._-]+$/, 'is not an ID of /etc/os-release; write its letters small')
      .describe('ID in /etc/os-release, in small letters: openeuler.'),
    version: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]*$/, 'is not a VERSION_ID of /etc/os-release; write its letters small')
      .describe('VERSION_ID in /etc/os-release, in small letters (v10), or its beginning before a dot: 9 is for hosts of 9.3, too.'),
  }),
);

export type OperatingSystem = z.output<typeof operatingSystemSchema>;
