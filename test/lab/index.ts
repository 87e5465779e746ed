/**
 * The lab: real hosts behind a real air gap, on one machine. Plain functions for the tests and for the quickstart, in the order of
 * their use: `ensureTools`, `ensureEngine`, `ensureNodeImage`, `startLab`; `buildImages` and `startUpstream` make the internet's
 * side. README.md says what is real and what stands in.
 */
export { proveAirGap, type AirGapProof, type Reached, type Target } from './air-gap.ts';
export { ensureEngine, type Engine } from './engine.ts';
export { otherOwner, removeLab, startLab, type Lab, type LabNode, type LabRequest, type NodeRequest } from './hosts.ts';
export { buildImages, type LabImage } from './images/build-images.ts';
export { openPackageSource, type PackageSource } from './images/packages.ts';
export { IMAGE_RECIPES, type ImageRecipe } from './images/recipes.ts';
export { ensureNodeImage } from './node-image.ts';
export { aptMirror, ensureTools, missingPackages, type AptMirror } from './prerequisites.ts';
export { run, which, type RunOptions, type RunResult } from './run.ts';
export { listensOnLoopbackOnly } from './sockets.ts';
export { cacheDirectory, ownLabName, repositoryRoot, runDirectory } from './state.ts';
export { startUpstream, type Upstream } from './upstream.ts';
export { eventually } from './eventually.ts';
