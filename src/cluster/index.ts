/**
 * What a site writes: cluster.yaml, parsed strictly, with the position of every mistake; which component runs on which host;
 * the values that templates are filled in with. Pure data: nothing here talks to a host. Start with cluster-spec.ts and
 * topology.ts.
 */
export * from './cluster-spec.ts';
export * from './edit-nodes.ts';
export { jsonSchemas } from './json-schemas.ts';
export { manifestReference } from './manifest-reference.ts';
export * from './networks.ts';
export { resolveOptions, type OptionSecret, type ResolvedOption, type ResolvedOptions } from './options.ts';
export { keptValues, nodeUuid, scopeFor } from './scope.ts';
export * from './topology.ts';
