import { Option } from 'commander';
import { bundleBlobs, closeBundles, openBundles } from '../../bundle/index.ts';
import { formatSize } from '../../core/index.ts';
import { HttpClient } from '../../net/index.ts';
import { parseDestination, pushBundle, type PushReport, type PushReportImage } from '../../push/index.ts';
import { endpointOf, loadDockerCredentials, RegistryWriter } from '../../registry/index.ts';
import { formatTable } from '../../ui/index.ts';
import type { CommandContext, CommandOutput, RegisterCommand } from '../command.ts';
import { runCredentialHelper } from '../credential-helper.ts';
import { MOST_JOBS, numberUpTo } from '../number-up-to.ts';
import { readTrustedAuthorities } from '../trusted-authorities.ts';

interface Flags {
  readonly base: readonly string[];
  readonly keepDomain?: true;
  readonly reduceIndexes?: true;
  readonly plan?: true;
  readonly jobs: number;
  readonly ca: readonly string[];
}

/** `caisson push BUNDLE REGISTRY`: copies the images of a bundle to a registry that the site has already. */
export const registerPush: RegisterCommand = (program, run) => {
  program
    .command('push')
    .summary('copy the images of a bundle into a registry of the site')
    .description(
      'Uploads what the registry does not have yet, straight from the bundle, and keeps every digest: docker.io/library/nginx:1.25 becomes REGISTRY/library/nginx:1.25. Uses the logins of docker.',
    )
    .argument('<bundle>', 'the bundle file')
    .argument('<registry>', 'where to push: host[:port][/project]')
    .addOption(new Option('--base <bundle...>', 'bundles that a delta was made against, or more volumes').default([], 'none'))
    .option('--keep-domain', 'put the name of the source registry into the path: REGISTRY/docker.io/library/nginx:1.25')
    .option('--reduce-indexes', 'where the registry refuses an index of absent platforms, push one without them under the tag')
    .option('--plan', 'print what would be pushed where and what is there already, and change nothing')
    .addOption(new Option('--ca <file...>', 'trust the authorities in this file (PEM), too').default([], 'none'))
    .option('--jobs <number>', 'requests at once', numberUpTo(MOST_JOBS), 4)
    .action((bundle: string, registry: string, flags: Flags) => run((context) => push(bundle, registry, flags, context)));
};

async function push(bundle: string, registry: string, flags: Flags, context: CommandContext): Promise<void> {
  const { clock, emit, signal, env } = context;
  const destination = parseDestination(registry);
  const readers = await openBundles([bundle, ...flags.base]);
  try {
    // A bundle in volumes has another path than the one that was named. It is then the first reader: openBundles puts
    // it before its bases.
    const reader = readers.find(({ path }) => path === bundle) ?? readers[0];
    if (reader === undefined) throw new Error('openBundles opened nothing');
    const http = new HttpClient({ env, emit, clock, ca: await readTrustedAuthorities(flags.ca) });
    try {
      const findCredentials = await loadDockerCredentials({ env, emit, runHelper: runCredentialHelper });
      const writer = new RegistryWriter(endpointOf(destination.domain, new Map()), { http, findCredentials, clock, emit });
      const report = await pushBundle(
        { images: reader.manifest.images, blobs: bundleBlobs(reader) },
        {
          destination,
          keepDomain: flags.keepDomain === true,
          reduceIndexes: flags.reduceIndexes === true,
          planOnly: flags.plan === true,
          jobs: flags.jobs,
        },
        { registry: writer, clock, emit, signal },
      );
      context.print(flags.plan === true ? planOutput(report) : resultOutput(report));
    } finally {
      await http.close();
    }
  } finally {
    await closeBundles(readers);
  }
}

function planOutput(report: PushReport): CommandOutput {
  const { uploaded, mounted, images } = report;
  const text = [
    formatTable(
      ['IMAGE', 'TO', 'TO SEND', 'STATE'],
      images.map((image) => [image.name, image.target, formatSize(image.missing), stateOf(image)]),
    ),
    '',
    `Would upload ${formatSize(uploaded.size)} in ${uploaded.count} blobs (what images share once) and mount ${mounted.count} into other repositories`,
    'Nothing was changed',
  ];
  return { text: text.join('\n'), data: { outcome: 'planned', ...report } };
}

function stateOf({ outcome, stored, digest }: PushReportImage): string {
  if (outcome === 'present') return 'there';
  if (stored === undefined) return 'new';
  return stored === digest ? 'incomplete there' : `replaces ${stored}`;
}

function resultOutput(report: PushReport): CommandOutput {
  const { images, uploaded, mounted, present } = report;
  const outcomes = { pushed: 'pushed', present: 'was there', reduced: 'pushed with another digest', planned: 'planned' };
  const text = [
    formatTable(
      ['IMAGE', 'DIGEST', ''],
      images.map(({ target, stored, outcome }) => [target, stored ?? '', outcomes[outcome]]),
    ),
    '',
    `${images.length} images are in ${report.registry}: ${uploaded.count} blobs uploaded (${formatSize(uploaded.size)}), ${mounted.count} mounted, ${present.count} were there`,
  ];
  return { text: text.join('\n'), data: { outcome: 'pushed', ...report } };
}
