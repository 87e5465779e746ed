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
      .regex(/^[a-z0-9._-]+$/, 'is not an ID of /etc/os-release')
      .describe('ID in /etc/os-release.'),
    version: z.string().min(1).describe('VERSION_ID in /etc/os-release, or its beginning before a dot: 9 is for hosts of 9.3, too.'),
  }),
);

export type OperatingSystem = z.output<typeof operatingSystemSchema>;
