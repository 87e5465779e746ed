import type { BundleMember } from '../../bundle/index.ts';
import { CaissonError, parsePlatform } from '../../core/index.ts';
import { fileDigest, type Host } from '../../host/index.ts';
import type { InstallContext } from '../context.ts';
import { EXECUTABLE, executablePath } from '../../site/index.ts';
import type { Step } from '../step.ts';
import type { StepFactory } from './make-step.ts';

const MODE = 0o755;

/** The member that is the executable for hosts of a CPU, in Go's words (amd64). Throws HOSTS_UNFIT when there is none. */
export function executableEntry(context: InstallContext, architecture: string): BundleMember {
  const path = executablePath(architecture);
  const entry = context.bundle.entry(path);
  if (entry !== undefined) return entry;
  const platforms = context.bundle.manifest.platforms.map((platform) => parsePlatform(platform).architecture);
  throw new CaissonError(
    'HOSTS_UNFIT',
    `Cannot install on ${architecture} hosts: the bundle has no "${path}", it is for ${platforms.join(', ')}`,
    {
      hint: `Build a bundle with --platform linux/${architecture}`,
    },
  );
}

/** A step that puts the bundle's executable on a host. */
export function executableStep(
  context: InstallContext,
  step: StepFactory,
  host: Host,
  options: { readonly entry: BundleMember; readonly needs: readonly string[] },
): Step {
  const { entry, needs } = options;
  return step(host.name, 'executable', {
    summary: `place ${EXECUTABLE}`,
    needs,
    isDone: async ({ signal }) => (await fileDigest(host, EXECUTABLE, { signal })) === entry.digest,
    apply: async ({ signal }) => {
      await host.upload(context.bundle.open(entry.path), EXECUTABLE, { mode: MODE, digest: entry.digest, onlyWriter: true, signal });
    },
  });
}
