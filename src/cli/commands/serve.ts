import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError, formatSize, messageOf, type Clock } from '../../core/index.ts';
import { imagePath, loadRepositoryKey, makeRepositoryKey, obtainRepositoryKey, startDepot, type RunningDepot } from '../../depot/index.ts';
import type { RepositoryKeyPair } from '../../ospkg/index.ts';
import type { OnlineBundle } from '../../builder/index.ts';
import type { CommandContext, CommandOutput, RegisterCommand } from '../command.ts';
import { parseListenAddress, reachableAddresses } from '../serve/listen-address.ts';
import { MOST_JOBS, numberUpTo } from '../number-up-to.ts';
import { describeSignature } from '../../bundle/index.ts';
import { addLockFlags, addUpstreamFlags, openOnline, type OnlineFlags } from '../online/index.ts';
import { addTrustFlags, trustOf, type TrustFlags } from '../signing/trust-flags.ts';
import { siteGauges } from '../serve/site-gauges.ts';
import { openTlsSource, type TlsFlags, type TlsSource } from '../serve/tls-source.ts';

interface ServeFlags extends TlsFlags, TrustFlags, OnlineFlags {
  readonly listen: string;
  readonly repositoryKey?: string;
  readonly site?: boolean;
}

/** Milliseconds for which downloads may continue after a stop was requested. Clients resume those that are cut off. */
const GRACE_MS = 10_000;
const RENEWAL_INTERVAL_MS = 3_600_000;

/** `caisson serve BUNDLE...`: runs the depot until it is stopped. */
export const registerServe: RegisterCommand = (program, run) => {
  const command = program
    .command('serve')
    .description('serve bundles in place: image registry, package repositories, files')
    .argument('<bundle...>', 'the bundle files, a delta with its bases; for a name in several the first wins')
    .option('--listen <host:port>', 'where to listen; other than loopback needs TLS', '127.0.0.1:5000')
    .option('--tls-cert <file>', 'certificate (PEM, with its chain); read again when it changes')
    .option('--tls-key <file>', 'its private key (PEM)')
    .option('--tls-generate', 'make an authority and a certificate')
    .option('--tls-name <name...>', 'more names or addresses for the generated certificate')
    .option('--repository-key <file>', 'OpenPGP key that signs the package repositories; made when not given')
    .option('--state <dir>', 'keep what is made (authority, repository key) here for the next time')
    .option('--site', 'have in the metrics how backups and renewals of the site of this seed went, and when its authorities end')
    .option('--online', 'fetch what a client asks for and keep it in the file named BUNDLE; its digests are those of the lock')
    .option('--upstream <file>', 'online: the settings that an install wrote, instead of --mirror and --ca')
    .option('--jobs <number>', 'online: downloads at once', numberUpTo(MOST_JOBS), 8);
  addTrustFlags(command, 'serve only bundles that one of these signed (ssh-keygen, ALLOWED SIGNERS)');
  addUpstreamFlags(addLockFlags(command)).action((bundles: readonly string[], flags: ServeFlags) =>
    run((context) => serve(context, bundles, flags)),
  );
};

async function serve(context: CommandContext, bundles: readonly string[], flags: ServeFlags): Promise<void> {
  const { signal, emit, clock } = context;
  if (flags.online !== true) refuseOnlineFlags(flags);
  const trust = await trustOf(flags, clock);
  if (trust !== undefined && flags.online === true) {
    throw new CaissonError(
      'USAGE',
      'Cannot use --allowed-signers with --online: what is fetched has the digests of the lock, and no signature',
      {
        hint: 'Leave --allowed-signers out, and take the lock from where you trust it',
      },
    );
  }
  const listen = parseListenAddress(flags.listen);
  if (flags.state !== undefined) await prepareState(flags.state);
  const repositoryKey = await repositoryKeyOf(flags);
  const tls = await openTlsSource(flags, listen, context);
  let online: OnlineBundle | undefined;
  try {
    online = flags.online === true ? await openOnline(bundles, flags, context) : undefined;
    signal.throwIfAborted();
    const depot = await startDepot({
      ...(online === undefined ? { bundles } : { bundles: [], demanded: [online] }),
      repositoryKey,
      trust,
      emit,
      ...listen,
      ...(tls === undefined ? {} : { tls: tls.material }),
      gauges: flags.site === true ? siteGauges(context) : [],
    });
    const renewal = tls === undefined ? undefined : setInterval(() => void renew(depot, tls, context), RENEWAL_INTERVAL_MS);
    try {
      context.print(describe(depot, tls, { clock, online }));
      if (!signal.aborted) await once(signal, 'abort');
    } finally {
      clearInterval(renewal);
      await depot.close(GRACE_MS);
    }
  } finally {
    await online?.close();
    await tls?.dispose();
  }
}

/** Throws USAGE for flags that mean nothing without --online. */
function refuseOnlineFlags({ lock, upstream, mirror, ca }: ServeFlags): void {
  if (lock === undefined && upstream === undefined && mirror.length + ca.length === 0) return;
  throw new CaissonError('USAGE', 'Cannot use --lock, --upstream, --mirror or --ca without --online: a bundle is served as it is', {
    hint: 'Add --online to fetch what is asked for',
  });
}

async function repositoryKeyOf(flags: ServeFlags): Promise<RepositoryKeyPair> {
  if (flags.repositoryKey !== undefined) return loadRepositoryKey(flags.repositoryKey);
  if (flags.state === undefined) return makeRepositoryKey();
  return obtainRepositoryKey({ privateKey: join(flags.state, 'repository.key'), publicKey: join(flags.state, 'repository.asc') });
}

/** Makes the directory for keys and certificates, when it does not exist, with access for its owner only. */
async function prepareState(state: string): Promise<void> {
  try {
    await mkdir(state, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot keep keys in "${state}": ${messageOf(cause)}`, { cause });
  }
}

async function renew(depot: RunningDepot, tls: TlsSource, { emit }: CommandContext): Promise<void> {
  try {
    const material = await tls.renew();
    if (material === undefined) return;
    depot.reloadTls(material);
    emit({ type: 'note', message: 'Using a new certificate' });
  } catch (error) {
    emit({ type: 'warning', message: `Going on with the old certificate: ${messageOf(error)}` });
  }
}

function describe(
  depot: RunningDepot,
  tls: TlsSource | undefined,
  { clock, online }: { readonly clock: Clock; readonly online: OnlineBundle | undefined },
): CommandOutput {
  const scheme = tls === undefined ? 'http' : 'https';
  const urls = reachableAddresses(depot.address).map(
    (address) => `${scheme}://${address.includes(':') ? `[${address}]` : address}:${depot.port}`,
  );
  const [url = depot.url] = urls;
  const host = url.slice(`${scheme}://`.length);
  const manifests = depot.bundles.map(({ manifest }) => manifest);
  const image = manifests.flatMap(({ images }) => images)[0]?.name;
  const repositories = manifests.flatMap((manifest) =>
    manifest.repositories.map((repository) => ({ id: repository.id, url: `${url}/${repository.path}` })),
  );
  const lines = [
    ...depot.bundles.flatMap(({ manifest: { name, version, images }, signatures }) => [
      `Serving ${name} ${version} (${images.length} images)`,
      ...(signatures.length === 0 ? ['  not signed'] : signatures.map((signature) => `  ${describeSignature(signature)}`)),
    ]),
    ...(online === undefined ? [] : [`  online    ${describeMissing(online)}`]),
    ...urls.map((each) => `  address   ${each}`),
    ...(tls?.authority === undefined ? [] : [`  trust     ${tls.authority.path}`, `            SHA-256 ${tls.authority.fingerprint}`]),
    ...(image === undefined ? [] : [`  images    docker pull ${host}/${imagePath(image)}`]),
    ...repositories.map((repository) => `  packages  ${repository.url}, signed with ${repository.url}/key.asc`),
    `  files     ${url}/files/`,
    `Started ${clock.now().toISOString()}; stop with Ctrl-C`,
  ];
  return {
    text: lines.join('\n'),
    data: {
      urls,
      bundles: depot.bundles.map(({ manifest: { name, version }, digest, signatures }) => ({
        ...{ name, version, digest },
        signedBy: signatures.map(({ fingerprint }) => fingerprint),
      })),
      repositories,
      authority: tls?.authority,
      ...(online === undefined ? {} : { missing: online.missing() }),
    },
  };
}

function describeMissing(online: OnlineBundle): string {
  const { members, bytes } = online.missing();
  return `${members} of ${online.reader.manifest.entries.length} members are not here yet (${formatSize(bytes)}); they are fetched when asked for`;
}
