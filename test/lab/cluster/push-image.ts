import type { Site } from './site.ts';

/** Where the seed keeps the password of the user who may write to the cluster's registry. */
export const BUILDER_SECRET = '/var/lib/caisson/secrets/hub-builder';

/**
 * Pushes an image of a node to the cluster's registry under another name, as an operator does: by the engine of the node, through the
 * gateway, with the login that the site made. The login does not stay on the node.
 */
export async function pushImage(site: Site, node: string, image: string, name: string): Promise<void> {
  const password = await site.bash(site.seed, 'cat "$1"', BUILDER_SECRET);
  const script =
    'export DOCKER_CONFIG=$(mktemp -d); docker tag "$1" "$2" && docker login --username builder --password-stdin goodrain.me && docker push --quiet "$2"; status=$?; rm -rf "$DOCKER_CONFIG"; exit "$status"';
  const { status, stderr } = await site.try(node, script, { input: `${password}\n`, parameters: [image, name] });
  if (status !== 0) throw new Error(`The registry refuses "${name}" of "${node}": ${stderr}`);
}
