/** A bundle behind a server. `caisson serve` and the seed of an install run it. Start with open-depot.ts. */
export type { DemandedBundle } from './demanded-bundle.ts';
export * from './open-depot.ts';
export * from './repository-key.ts';
export * from './start-depot.ts';
export { bundleFilePath } from './bundle-files.ts';
export { imagePath } from './image-path.ts';
export type { Gauge, Sample } from '../server/index.ts';
