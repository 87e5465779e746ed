import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../core/index.ts';
import { waitFor } from '../../health/index.ts';
import { daemonReload, enableUnit, restartUnit } from '../../host/index.ts';
import { writeFileAtomic } from '../../io/index.ts';
import { makeRepositoryKey } from '../../depot/index.ts';
import { clusterRecordOf, formatClusterRecord } from '../cluster-record.ts';
import type { DepotAddress, InstallContext } from '../context.ts';
import { depotAnswers } from '../depot-answers.ts';
import { depotUnit } from '../depot-unit.ts';
import { DEPOT_UNIT, EXECUTABLE, UNITS, type SeedLayout } from '../../site/index.ts';
import { areAsWanted, putInPlace, type ManagedFile } from '../managed-files.ts';
import type { CertificateSubject } from '../site-authority.ts';
import type { Step } from '../step.ts';
import { isRunningWith } from '../unit-freshness.ts';
import { stepsOf } from './make-step.ts';
import { stagedBundlePaths } from './stage-bundle.ts';

const step = stepsOf('start-depot');
const UNIT_PATH = join(UNITS, DEPOT_UNIT);

/** What the depot's unit reads. */
function depotPaths({ depot }: SeedLayout) {
  return {
    certificate: join(depot, 'tls.crt'),
    key: join(depot, 'tls.key'),
    repositoryKey: join(depot, 'repository.key'),
    repositoryPublicKey: join(depot, 'repository.asc'),
  };
}

/** How long the depot may need to open a bundle, which does not depend on its size. */
const START_TIMEOUT_MS = 30_000;

/** The public half of the key that signs the package repositories, or undefined before it was made. */
export async function readRepositoryKey(layout: SeedLayout): Promise<string | undefined> {
  try {
    return await readFile(depotPaths(layout).repositoryPublicKey, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Trust of the site (authority, keys, certificates of the depot and of operators), then the depot itself as a unit. */
export function startDepot(context: InstallContext, needs: readonly string[]): readonly Step[] {
  const seed = context.seed;
  const trust = step(seed.name, 'trust', {
    summary: 'make the certificate authority and the keys of this site',
    needs,
    isDone: async ({ signal }) => {
      const files = await seedFiles(context, 'peek');
      return files !== undefined && (await areAsWanted(seed, { files }, signal));
    },
    apply: async ({ signal }) => {
      await obtainRepositoryKey(context.seedLayout);
      await putInPlace(seed, { files: (await seedFiles(context, 'obtain')) ?? [] }, signal);
    },
  });
  const paths = depotPaths(context.seedLayout);
  const unit: ManagedFile = {
    path: UNIT_PATH,
    mode: 0o644,
    content: depotUnit({
      executable: EXECUTABLE,
      bundles: stagedBundlePaths(context),
      listen: listenAddress(context.depot),
      certificate: paths.certificate,
      key: paths.key,
      repositoryKey: paths.repositoryKey,
    }),
  };
  const isUp = async (signal: AbortSignal): Promise<boolean> =>
    (await areAsWanted(seed, { files: [unit] }, signal)) &&
    (await isRunningWith(seed, DEPOT_UNIT, [UNIT_PATH, EXECUTABLE, paths.certificate, paths.repositoryKey], signal));
  const run = step(seed.name, 'depot', {
    summary: `serve the bundle at https://${context.depot.name}:${context.depot.port}`,
    needs: [trust.id],
    isDone: async ({ signal }) => (await isUp(signal)) && (await depotAnswers(context).look(signal)).met,
    apply: async ({ signal, emit }) => {
      await putInPlace(seed, { files: [unit] }, signal);
      await daemonReload(seed, { signal });
      await enableUnit(seed, DEPOT_UNIT, { signal });
      await restartUnit(seed, DEPOT_UNIT, { signal });
      await waitFor(depotAnswers(context), { intervalMs: 200, noProgressMs: START_TIMEOUT_MS, signal, emit: quietNotes(emit) });
    },
  });
  return [trust, run];
}

/** A start takes a moment; that it does is no news. */
function quietNotes(emit: Parameters<Step['apply']>[0]['emit']): typeof emit {
  return (event) => {
    if (event.type !== 'note') emit(event);
  };
}

/** What the seed must have besides the authority itself; undefined (peek) while a part was never made. */
async function seedFiles(context: InstallContext, how: 'peek' | 'obtain'): Promise<readonly ManagedFile[] | undefined> {
  const { authority, seedLayout } = context;
  const paths = depotPaths(seedLayout);
  const issuer = how === 'peek' ? await authority.peekAuthority() : await authority.obtainAuthority();
  const depot = await authority[how]('depot', depotSubject(context));
  const operator = await authority[how]('operator', OPERATOR);
  if (issuer === undefined || depot === undefined || operator === undefined || (await readRepositoryKey(seedLayout)) === undefined) {
    return undefined;
  }
  return [
    { path: join(seedLayout.pki, 'ca.crt'), content: issuer, mode: 0o644 },
    { path: join(seedLayout.pki, 'operator.crt'), content: operator.certificate, mode: 0o600 },
    { path: join(seedLayout.pki, 'operator.key'), content: operator.key, mode: 0o600 },
    { path: paths.certificate, content: depot.certificate, mode: 0o644 },
    { path: paths.key, content: depot.key, mode: 0o600 },
    { path: seedLayout.clusterRecord, content: formatClusterRecord(clusterRecordOf(context.spec)), mode: 0o644 },
  ];
}

/** Every address of the family by which nodes reach the seed, and the loopback address that we ask. */
function listenAddress({ address, port }: DepotAddress): string {
  return address.includes(':') ? `[::]:${port}` : `0.0.0.0:${port}`;
}

const OPERATOR: CertificateSubject = { commonName: 'operator', dnsNames: [], addresses: [], usages: 'client' };

function depotSubject({ depot }: InstallContext): CertificateSubject {
  return { commonName: depot.name, dnsNames: [depot.name], addresses: [depot.address, '127.0.0.1'], usages: 'server' };
}

/** The public key is written last: a pair that a crash cut in half is made again. */
async function obtainRepositoryKey(layout: SeedLayout): Promise<void> {
  const paths = depotPaths(layout);
  if ((await readRepositoryKey(layout)) !== undefined) return;
  const made = await makeRepositoryKey();
  await mkdir(layout.depot, { recursive: true, mode: 0o755 });
  await writeFileAtomic(paths.repositoryKey, made.privateKey, { mode: 0o600 });
  await writeFileAtomic(paths.repositoryPublicKey, made.publicKey, { mode: 0o644 });
}
