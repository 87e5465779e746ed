/**
 * Declarations that a site writes: cluster.yaml, parsed strictly, with the position of every mistake. From it and the
 * manifests come the placement of components on hosts and the values for templates. Everything is pure data: code here
 * does not talk to a host. Start with cluster-spec.ts and topology.ts.
 */
export * from './bundle-keepers.ts';
export * from './cluster-spec.ts';
export * from './edit-nodes.ts';
export { setChoice, setDomain, typedValues, type NewChoice } from './edit-options.ts';
export { setPlace } from './edit-place.ts';
export * from './init-choices.ts';
export { jsonSchemas } from './json-schemas.ts';
export { manifestReference } from './manifest-reference.ts';
export * from './networks.ts';
export * from './new-cluster.ts';
export { isChosen, optionProblems, resolveOptions, type OptionSecret, type ResolvedOption, type ResolvedOptions } from './options.ts';
export { keptValues, nodeUuid, scopeFor } from './scope.ts';
export { ownerOfSecret, secretUses, usedSecrets, type SecretUse } from './secret-uses.ts';
export * from './topology.ts';
