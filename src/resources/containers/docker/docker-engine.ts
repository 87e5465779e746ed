import { runChecked, shellScript } from '../../../host/index.ts';
import type { ComponentContainer } from '../../../manifests/index.ts';
import type { ContainerEngine, EngineProbe } from '../container-engine.ts';

const CERTIFICATES = '/etc/docker/certs.d';

/**
 * Parameters: names of images. Prints NAME, a tab and the id of each image that the host has. One command tells the ids
 * in the order of the names where all are there; where one is missing, each is asked for by itself.
 */
export const DOCKER_IMAGES_SCRIPT = `if ids=$(docker image inspect --format '{{.Id}}' "$@" 2>/dev/null); then
  for id in $ids; do printf '%s\\t%s\\n' "$1" "$id"; shift; done
  exit 0
fi
for name do
  id=$(docker image inspect --format '{{.Id}}' "$name" 2>/dev/null) || continue
  printf '%s\\t%s\\n' "$name" "$id"
done
`;

/**
 * Parameters: names of images, or sources (REPOSITORY@DIGEST) that were pulled. Removes each image that the host has; an
 * image that a container uses stays.
 */
export const DOCKER_REMOVE_IMAGES_SCRIPT = `command -v docker >/dev/null || exit 0
for name do
  id=$(docker image inspect --format '{{.Id}}' "$name" 2>/dev/null) || continue
  docker image rm -- "$name" >/dev/null 2>&1 || continue
  for pinned in $(docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$id" 2>/dev/null); do
    docker image rm -- "$pinned" >/dev/null 2>&1 || :
  done
done
`;

/** Parameters: names of containers. Removes each container that exists, running or stopped. */
export const DOCKER_REMOVE_CONTAINERS_SCRIPT = `command -v docker >/dev/null || exit 0
for name do
  docker container inspect "$name" >/dev/null 2>&1 || continue
  docker rm --force -- "$name" >/dev/null || exit 1
done
`;

/**
 * Parameters: image, path in the image, path on the host. The name of the container is derived from the path on the host:
 * a container that an interrupted copy left is removed by the next copy to that path, and copies to different paths do
 * not collide.
 */
export const DOCKER_COPY_SCRIPT = `set -eu
umask 022
mkdir -p -- "\${3%/*}"
container=caisson-copy-$(printf %s "$3" | sha256sum | cut -c 1-12)
docker rm --force -- "$container" >/dev/null 2>&1 || :
trap 'docker rm --force -- "$container" >/dev/null' EXIT
docker create --pull never --name "$container" -- "$1" none >/dev/null
docker cp --follow-link -- "$container:$2" "$3"
`;

const ANSWER_SECONDS = 10;

const PROBE: EngineProbe = {
  data: '/var/lib/docker',
  seconds: ANSWER_SECONDS,
  running: `if command -v docker >/dev/null && systemctl is-active --quiet docker; then
  timeout --kill-after=1 ${ANSWER_SECONDS} docker ps --format 'container {{.Names}}' 2>/dev/null
  case $? in 124|137) echo 'engine-frozen' ;; esac
fi
`,
  program: 'dockerd',
  list: 'docker ps',
  looks: 'systemctl status docker; journalctl -u docker',
  restart: 'systemctl restart docker',
};

/** Docker, controlled by the `docker` command on the host. */
export const dockerEngine: ContainerEngine = {
  probe: PROBE,
  unit: 'docker',
  // https://docs.docker.com/engine/security/certificates/: one directory for each HOST:PORT.
  trust: (registries, authority) => registries.map((name) => ({ path: `${CERTIFICATES}/${name}/ca.crt`, content: authority, mode: 0o644 })),
  images: async (host, names, signal) => {
    if (names.length === 0) return new Map();
    const { stdout } = await host.run({ argv: shellScript(DOCKER_IMAGES_SCRIPT, names) }, { signal });
    return new Map(
      stdout.split('\n').flatMap((line): [string, string][] => {
        const [name, id] = line.split('\t');
        return name === undefined || id === undefined ? [] : [[name, id]];
      }),
    );
  },
  pull: async (host, { name, source }, signal) => {
    await runChecked(host, { argv: ['docker', 'pull', '--quiet', source] }, { signal });
    await runChecked(host, { argv: ['docker', 'tag', source, name] }, { signal });
  },
  removeImages: async (host, names, signal) => {
    if (names.length > 0) await runChecked(host, { argv: shellScript(DOCKER_REMOVE_IMAGES_SCRIPT, names) }, { signal });
  },
  copyOut: async (host, { image, member, target }, signal) => {
    await runChecked(host, { argv: shellScript(DOCKER_COPY_SCRIPT, [image, member, target]) }, { signal });
  },
  // `--pull never` keeps the engine from asking any registry.
  run: (name, container, files) => [
    'docker',
    'run',
    '--interactive',
    ...flag('--name', name),
    ...flag('--network', container.network),
    ...flag('--pull', 'never'),
    ...flag('--label', `caisson.files=${files}`),
    ...flag('--stop-timeout', String(container.stopTimeout)),
    ...containerFlags(container),
  ],
  runOnce: (name, container) => [
    'docker',
    'run',
    '--rm',
    // The container reads the input of the action on its standard input.
    '--interactive',
    ...flag('--name', name),
    ...flag('--network', container.network),
    ...flag('--pull', 'never'),
    ...containerFlags(container),
  ],
  stop: (name, container) => ['docker', 'stop', '--time', String(container.stopTimeout), name],
  removeContainer: (name) => ['docker', 'rm', '--force', name],
  removeContainers: async (host, names, signal) => {
    if (names.length > 0) await runChecked(host, { argv: shellScript(DOCKER_REMOVE_CONTAINERS_SCRIPT, names) }, { signal });
  },
  signal: (name, signal) => ['docker', 'kill', '--signal', signal, name],
};

function containerFlags(container: ComponentContainer): readonly string[] {
  return [
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

function flag(name: string, value: string | undefined): readonly string[] {
  return value === undefined ? [] : [name, value];
}
