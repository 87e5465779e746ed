import * as z from 'zod';
import { systemSchemas } from '../ospkg/index.ts';
import { documentHead } from './fields.ts';

/**
 * manifests/os/ID-VERSION.yaml: where the packages of a distribution come from and which ones roles and components need. Its
 * `packages` names the format of the packages, and with it the other keys.
 */
export const operatingSystemSchema = z.discriminatedUnion(
  'packages',
  systemSchemas({
    ...documentHead('OperatingSystem'),
    id: z
      .string()
      .regex(/^[a-z0-9._-]+$/, 'is not an ID of /etc/os-release')
      .describe('ID in /etc/os-release.'),
    version: z.string().min(1).describe('VERSION_ID in /etc/os-release.'),
  }),
);

export type OperatingSystem = z.output<typeof operatingSystemSchema>;
