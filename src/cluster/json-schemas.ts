import * as z from 'zod';
import { componentSchema, operatingSystemSchema, platformSchema, roleSchema } from '../manifests/index.ts';
import { clusterSchema } from './cluster-spec.ts';

/** JSON Schemas (draft 2020-12) of every document that people write, by file name in manifests/schema/, for editors. */
export function jsonSchemas(): Readonly<Record<string, string>> {
  const schemas = {
    'cluster.json': clusterSchema,
    'component.json': componentSchema,
    'operating-system.json': operatingSystemSchema,
    'platform.json': platformSchema,
    'role.json': roleSchema,
  };
  return Object.fromEntries(
    Object.entries(schemas).map(([file, schema]) => [file, `${JSON.stringify(z.toJSONSchema(schema, { io: 'input' }), null, 2)}\n`]),
  );
}
