import { silent, systemClock } from '../../src/core/index.ts';
import { dockerEngine } from '../../src/resources/containers/docker/docker-engine.ts';
import { aptManager } from '../../src/resources/packages/apt/apt-manager.ts';
import type { ResourceContext } from '../../src/resources/index.ts';

/** The context in which the contract of resource kinds is tried. Nothing stops it, and what it says is not heard. */
export const KIND_CONTEXT: ResourceContext = {
  packages: aptManager,
  engine: dockerEngine,
  clock: systemClock,
  signal: new AbortController().signal,
  emit: silent,
};
