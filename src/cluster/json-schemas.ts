import * as z from 'zod';
import { clusterSchema } from './cluster-spec.ts';
import { componentSchema } from './component.ts';
import { operatingSystemSchema } from './operating-system.ts';
import { platformSchema } from './platform.ts';
import { roleSchema } from './role.ts';

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
