import * as z from 'zod';
import { componentSchema, operatingSystemSchema, platformSchema, roleSchema } from '../manifests/index.ts';
import { clusterSchema } from './cluster-spec.ts';

/** Schema and description of each kind of document that people write, by file name in manifests/schema/. */
const DOCUMENTS = {
  'cluster.json': clusterSchema.describe("`cluster.yaml`: the hosts of one site and what differs from the platform's defaults."),
  'platform.json': platformSchema.describe('`manifests/platform.yaml`: what the cluster as a whole needs.'),
  'role.json': roleSchema.describe('`manifests/roles/NAME.yaml`: what a host can be for.'),
  'component.json': componentSchema.describe(
    '`manifests/components/NAME/component.yaml`, with its template files beside it: one piece of installed software.',
  ),
  'operating-system.json': operatingSystemSchema.describe(
    '`manifests/os/ID-VERSION.yaml`: where the packages of a distribution come from, and which ones roles and components need. A package set that a role or a component names must be in each of these documents.',
  ),
};

/** Returns the JSON Schemas (draft 2020-12) of the documents, by file name in manifests/schema/. */
export function publishedSchemas(): Readonly<Record<string, z.core.JSONSchema.BaseSchema>> {
  return Object.fromEntries(Object.entries(DOCUMENTS).map(([file, schema]) => [file, z.toJSONSchema(schema, { io: 'input' })]));
}

/** Returns the same schemas as indented JSON text. Editors read them. */
export function jsonSchemas(): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(publishedSchemas()).map(([file, schema]) => [file, `${JSON.stringify(schema, null, 2)}\n`]));
}
