/**
 * What people declare: cluster.yaml and the manifests, parsed strictly, with the position of every mistake; templates;
 * what runs where. Pure data after loading: nothing here talks to a host. Start with cluster-spec.ts and topology.ts.
 */
export * from './cluster-spec.ts';
export type { Component, ComponentContainer, ComponentHealth, ComponentService } from './component.ts';
export { InvalidManifestsError } from './invalid-manifests-error.ts';
export * from './json-schemas.ts';
export { loadManifests, type ComponentManifest, type Manifests } from './manifests.ts';
export * from './networks.ts';
export type { OperatingSystem } from './operating-system.ts';
export type { PlatformManifest } from './platform.ts';
export type { Role } from './role.ts';
export { nodeUuid, scopeFor, type ScopeOptions } from './scope.ts';
export { renderData, renderTemplate, type Scope } from './template.ts';
export * from './topology.ts';
