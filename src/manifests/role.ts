import * as z from 'zod';
import { documentHead, lineField, nameField, sizeField } from './fields.ts';

/** Schema of manifests/roles/NAME.yaml, which describes one purpose of a host. */
export const roleSchema = z.strictObject({
  ...documentHead('Role'),
  name: nameField.describe('Name of the role; the file has the same.'),
  summary: lineField.describe('What hosts of this role do.'),
  components: z.array(nameField).describe('Components that run on hosts of this role.'),
  requires: z
    .strictObject({
      cpus: z.int().min(1).default(1).describe('CPUs that a host must have.'),
      memory: sizeField.prefault('0').describe('Memory that a host must have, such as 4GB.'),
      disk: sizeField.prefault('0').describe('Free disk space that a host must have besides the images, such as 40GB.'),
    })
    .prefault({})
    .describe('What preflight asks of a host.'),
  minimum: z.int().min(0).default(0).describe('Hosts that a cluster must have at least.'),
  maximum: z.int().min(1).optional().describe('Hosts that a cluster may have at most.'),
  keepsBundle: z
    .boolean()
    .default(false)
    .describe('True where hosts of the role are to keep copies of the bundle beside the one of the seed (depot.copies).'),
  packageSets: z.array(nameField).default([]).describe('Package sets of manifests/os that every host of the role gets.'),
});

export type Role = z.output<typeof roleSchema>;
