import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureEngine } from './engine.ts';
import { otherOwner } from './hosts.ts';
import { ensureTools } from './prerequisites.ts';
import {
  buildLabBundle,
  CARRIED,
  carry,
  INSTALL_CARRIED,
  labName,
  onSeed,
  seedOf,
  startConnected,
  startHosts,
  QUICKSTART,
} from './scenario.ts';
import { repositoryRoot } from './state.ts';

/**
 * The main job on one machine: build a bundle from a registry and a Debian mirror, verify it, install it on three bare
 * hosts with no way out, show the cluster. The hosts stay, to look around; running it again replaces them. Those of another checkout are
 * left alone. Runs under the lock of the lab (.ci/quickstart.mjs).
 */
async function quickstart(): Promise<void> {
  const started = performance.now();
  const say = (line: string): void => console.log(`      ${line}`);
  const chapter = (title: string): void => console.log(`\n[${Math.round((performance.now() - started) / 1000)} s] ${title}`);

  chapter('The connected side: an upstream registry with the images of the cluster, and the Debian mirror of this machine');
  const kubernetes = process.argv.includes('--kubernetes');
  const connected = await startConnected(say, { kubernetes });
  const cluster = { ...QUICKSTART, kubernetes };
  const seed = seedOf(cluster);
  try {
    chapter('caisson build-bundle: images, packages with all they depend on, manifests, and itself, in one file');
    const bundle = await buildLabBundle(connected);
    const verified = await connected.caisson(['verify', bundle.path]);
    console.log(verified.stdout.trimEnd());
    const kept = join(repositoryRoot(), 'bundles/quickstart-linux-amd64.tar');
    await mkdir(join(repositoryRoot(), 'bundles'), { recursive: true });
    await copyFile(bundle.path, `${kept}.partial`);
    await rename(`${kept}.partial`, kept);
    console.log('It stays in bundles/quickstart-linux-amd64.tar');

    chapter('Three bare hosts (Debian 12, systemd, sshd) on a network with no way out');
    const lab = await startHosts(connected, cluster, say);
    await carry(lab, cluster, bundle, connected.directory);

    chapter(`caisson install --offline, on ${seed}`);
    const installed = await onSeed(lab, cluster, [...INSTALL_CARRIED, '--digest', digestIn(verified.stdout), '--yes']);
    console.log(installed.stderr.trimEnd());
    console.log(installed.stdout.trimEnd());

    chapter('caisson cluster');
    const state = await onSeed(lab, cluster, ['cluster']);
    console.log(state.stdout.trimEnd());

    const engine = connected.engine.ours ? `docker --host ${connected.engine.host}` : 'docker';
    const docker = `${engine} exec -it ${lab.node(seed).container}`;
    console.log(`
Done in ${Math.round((performance.now() - started) / 1000)} s. Look around:
  ${docker} caisson cluster --watch          every component's state and since when
  ${docker} ${CARRIED}/caisson inspect ${CARRIED}/cluster.tar
  ${docker} bash                             the seed: /var/lib/caisson/journal.jsonl tells what was done
  ${engine} exec -it ${lab.node('c1').container} docker ps      a node
End the lab with: npm run quickstart:stop`);
  } finally {
    // What the seed needs was carried to it.
    // The engine goes on while hosts run on it.
    await connected.stop();
    await rm(connected.directory, { recursive: true, force: true });
  }
}

/** The digest of the bundle, as verify prints it on the connected side. It is told to the seed by another way than the bundle. */
function digestIn(verified: string): string {
  const [, digest] = /^bundle (sha256:[0-9a-f]{64})$/m.exec(verified) ?? [];
  if (digest === undefined) throw new Error(`verify prints no digest of the bundle: ${verified}`);
  return digest;
}

/** The lab of another checkout is up, and somebody may be looking around in it. */
async function isOthers(): Promise<boolean> {
  await ensureTools();
  const engine = await ensureEngine();
  try {
    const owner = await otherOwner(engine, labName(QUICKSTART));
    if (owner === undefined) return false;
    console.error(`Cannot start the quickstart: the one of ${owner} is up on this machine
  End it with: npm --prefix ${owner} run quickstart:stop
  Where that checkout is gone: npm run quickstart:stop -- --any`);
    return true;
  } finally {
    await engine.stop();
  }
}

if (await isOthers()) process.exitCode = 7;
else await quickstart();
