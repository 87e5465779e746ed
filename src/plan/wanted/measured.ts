import { posix } from 'node:path';
import type { AgentConfigInput } from '../../agent/index.ts';
import type { NodeSpec } from '../../cluster/index.ts';
import { OWNERS } from '../../resources/index.ts';
import { STATE } from '../../site/index.ts';
import type { Declared } from '../declared.ts';
import { chosenMounts } from './mounts.ts';
import { rendererOf } from './renderer.ts';

/** The certificates and directories of a node whose ends and room the agent measures. */
export interface Measured {
  readonly certificates: NonNullable<AgentConfigInput['certificates']>;
  readonly directories: string[];
}

/**
 * Lists the certificate of the node and those of its components; the root, the directories of Caisson, of the platform and of
 * the container engine, and the directories and mounts of its components. A directory below another one is listed too,
 * because it may be on a file system of its own.
 */
export function measuredOn(site: Pick<Declared, 'topology' | 'tools'>, node: NodeSpec, certificate: string): Measured {
  const { topology, tools } = site;
  const own = topology.placements
    .filter(({ host }) => host.name === node.name)
    .map((placement) => {
      const { name: component, certificates, directories } = placement.component;
      const mounts = chosenMounts(topology, placement.component);
      const render = rendererOf(site, placement);
      return {
        certificates: certificates.map(({ name, directory, files }) => ({
          component,
          name,
          path: posix.join(render(directory), files.certificate),
        })),
        directories: [...directories, ...mounts].map(({ path }) => render(path)),
      };
    });
  const images = tools.engine === undefined ? [] : [tools.engine.probe.data];
  const common = ['/', STATE, topology.platform.definitionsDirectory, ...images];
  return {
    certificates: [{ component: OWNERS.host, name: 'node', path: certificate }, ...own.flatMap(({ certificates }) => certificates)],
    directories: [...new Set([...common, ...own.flatMap(({ directories }) => directories)])].sort(),
  };
}
