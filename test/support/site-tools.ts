import { dockerEngine } from '../../src/resources/containers/docker/docker-engine.ts';
import { siteToolsOf } from '../../src/resources/index.ts';
import { aptManager } from '../../src/resources/packages/apt/apt-manager.ts';

/** The tools of the hosts of a platform with containers. */
export const SITE_TOOLS = siteToolsOf({ containerEngine: true });

/** The tools of one of its hosts that has Debian. */
export const HOST_TOOLS = { engine: dockerEngine, packages: aptManager };
