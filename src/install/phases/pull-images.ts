import type { BundleImage, BundleImagePlatform } from '../../bundle/index.ts';
import type { Placement } from '../../cluster/index.ts';
import { CaissonError, parsePlatform } from '../../core/index.ts';
import { runChecked, type Host } from '../../host/index.ts';
import { componentServices } from '../component-files.ts';
import { depotAuthority, hostOf, type InstallContext } from '../context.ts';
import type { Step } from '../step.ts';
import { stepsOf } from './make-step.ts';

const step = stepsOf('pull-images');

/** One step for each image of a component: pulled from the depot by digest, named as the manifests name it. */
export function pullImages(context: InstallContext, placement: Placement, needs: readonly string[]): readonly Step[] {
  const host = hostOf(context, placement.host.name);
  const names = new Set(
    componentServices(context, placement).flatMap(({ container }) => (container === undefined ? [] : [container.image])),
  );
  return [...names].map((name) => {
    const { image, manifest } = imageFor(context, name, placement);
    return step(host.name, `${placement.component.name}/${name}`, {
      summary: `pull ${name}`,
      needs,
      isDone: async ({ signal }) => (await imageId(host, name, signal)) === manifest.config.digest,
      apply: async ({ signal }) => {
        // Pulled by the digest of the platform's own manifest, so that nothing is left to choose.
        const pinned = `${depotAuthority(context.depot)}/${repositoryOf(image)}@${manifest.manifest.digest}`;
        await runChecked(host, { argv: ['docker', 'pull', '--quiet', pinned] }, { signal });
        await runChecked(host, { argv: ['docker', 'tag', pinned, name] }, { signal });
      },
    });
  });
}

/** The image's id on the host: the digest of its configuration. */
async function imageId(host: Host, name: string, signal: AbortSignal): Promise<string | undefined> {
  const result = await host.run({ argv: ['docker', 'image', 'inspect', '--format', '{{.Id}}', name] }, { signal });
  return result.exitCode === 0 ? result.stdout.trim() : undefined;
}

function imageFor(
  context: InstallContext,
  name: string,
  { host }: Placement,
): { readonly image: BundleImage; readonly manifest: BundleImagePlatform } {
  const image = context.bundle.manifest.images.find((candidate) => candidate.name === name);
  const architecture = context.architectures.get(host.name);
  const manifest = image?.platforms.find(({ platform }) => parsePlatform(platform).architecture === architecture);
  if (image !== undefined && manifest !== undefined) return { image, manifest };
  const reason =
    image === undefined ? 'the bundle does not hold it' : `the bundle does not hold it for ${architecture ?? 'an unknown CPU'}`;
  throw new CaissonError('HOSTS_UNFIT', `Cannot give "${name}" to "${host.name}": ${reason}`, {
    hint: 'Build a bundle from an images.txt that names every image of the manifests',
  });
}

/** The image's name without its tag. */
function repositoryOf(image: BundleImage): string {
  const colon = image.name.lastIndexOf(':');
  return colon > image.name.lastIndexOf('/') ? image.name.slice(0, colon) : image.name;
}
