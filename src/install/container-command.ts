import type { ComponentContainer } from '../manifests/index.ts';
import type { Digest } from '../core/index.ts';

/**
 * The argument list that runs a container in the foreground. `--pull never` keeps the engine from asking any registry; the
 * label changes when a file of the component changes, so that the unit changes too and is restarted.
 */
export function runContainer(name: string, container: ComponentContainer, files: Digest): readonly string[] {
  return [
    'docker',
    'run',
    '--interactive',
    ...flag('--name', name),
    ...flag('--network', container.network),
    ...flag('--pull', 'never'),
    ...flag('--label', `caisson.files=${files}`),
    ...flag('--stop-timeout', String(container.stopTimeout)),
    ...(container.privileged ? ['--privileged'] : []),
    ...container.capabilities.flatMap((capability) => flag('--cap-add', capability)),
    ...flag('--user', container.user),
    ...flag('--workdir', container.workingDirectory),
    ...flag('--entrypoint', container.entrypoint),
    ...container.mounts.flatMap((mount) => flag('--volume', mount)),
    ...Object.entries(container.environment).flatMap(([variable, value]) => flag('--env', `${variable}=${value}`)),
    container.image,
    ...container.arguments,
  ];
}

export function removeContainer(name: string): readonly string[] {
  return ['docker', 'rm', '--force', name];
}

export function stopContainer(name: string, container: ComponentContainer): readonly string[] {
  return ['docker', 'stop', '--time', String(container.stopTimeout), name];
}

function flag(name: string, value: string | undefined): readonly string[] {
  return value === undefined ? [] : [name, value];
}
