/**
 * The kinds of resources, one file for each kind, with look, ensure and remove. Code here knows hosts and their tools,
 * not plans. Start with kind.ts; kinds.ts is the table of kinds, work.ts applies them to a host.
 */
export type { ContainerEngine, EngineImage } from './containers/container-engine.ts';
export type { LayerAddress } from './artifact.ts';
export { IN_FORCE } from './bundle-file.ts';
export * from './content.ts';
export type { DefinitionSpec } from './definition.ts';
export { filesOf } from './file-set.ts';
export { HELD, readHeldServices } from './held-services.ts';
export * from './host-tools.ts';
export * from './kind.ts';
export { KIND_ORDER, MARKED, RESTORING } from './kinds.ts';
export * from './owners.ts';
export { mountUnitName } from './mount.ts';
export { forgetReplaced, keepsReplaced } from './paths.ts';
export type { PackageSimulation, Simulator } from './packages/package-manager.ts';
export type { PlacedFile } from './placed-file.ts';
export type * from './resource.ts';
export * from './work.ts';
