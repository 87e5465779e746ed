import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { Engine } from '../engine.ts';
import { eventually } from '../eventually.ts';
import { startLab, type Lab } from '../hosts.ts';
import { ensureNodeImage } from '../node-image.ts';
import { aptMirror } from '../prerequisites.ts';
import { run, type RunResult } from '../run.ts';
import { builtCommand, CARRIED, debianOrigins, INSTALL, mirrorFlags } from '../scenario.ts';
import { startUmlHosts, type UmlHosts } from '../uml/hosts.ts';
import { parseLines, reportOf, type InstallReport } from './installer.ts';
import { writeStoragePlatform } from './storage-platform.ts';

const SEED = 's1';
const ON_SEED = 'caisson';
/** It was there before an install, so a reset leaves it. */
export const PLACED_PROGRAM = '/usr/local/bin/caisson';
/** Hosts with one processor, on a machine that is busy. */
const PATIENCE_MS = 300_000;

const report = z.object({
  nodes: z.array(
    z.object({
      name: z.string(),
      status: z.object({ components: z.array(z.object({ name: z.string(), state: z.string(), reason: z.string() })) }).optional(),
    }),
  ),
});

export interface StorageNode {
  readonly name: string;
  readonly roles: readonly string[];
}

/** A seed beside hosts that have NFS in their kernel, with a bundle of the storage of the shipped platform. */
export class StorageLab {
  readonly hosts: UmlHosts;
  readonly #lab: Lab;
  readonly #program: string;

  private constructor(lab: Lab, hosts: UmlHosts, program: string) {
    this.#lab = lab;
    this.hosts = hosts;
    this.#program = program;
  }

  /** Builds the bundle below a directory, boots the hosts and carries all of it to the seed. */
  static async open(engine: Engine, directory: string, names: readonly string[]): Promise<StorageLab> {
    const say = (line: string): void => console.log(`      ${line}`);
    const manifests = join(directory, 'manifests');
    await mkdir(manifests, { recursive: true });
    await writeStoragePlatform(manifests);
    await writeFile(join(directory, 'images.txt'), '');
    const bundle = join(directory, 'cluster.tar');
    const inputs = ['--manifests', manifests, '--images', join(directory, 'images.txt'), '--lock', join(directory, 'bundle.lock.json')];
    const mirrors = mirrorFlags(debianOrigins(aptMirror()));
    await run([process.execPath, builtCommand(), 'build-bundle', ...inputs, '--output', bundle, ...mirrors], { timeout: 1_200_000 });
    const image = await ensureNodeImage(engine, aptMirror(), say);
    const lab = await startLab({ name: 'caisson-storage', engine, image, nodes: [{ name: SEED }] });
    try {
      const hosts = await startUmlHosts({ engine, lab, from: SEED, names, say });
      await lab.copyTo(SEED, bundle, `${CARRIED}/cluster.tar`);
      const program = join(directory, 'caisson-linux-amd64');
      await lab.copyTo(SEED, program, `${CARRIED}/${ON_SEED}`, 0o755);
      await lab.copyTo(SEED, lab.identityFile, `${CARRIED}/identity`, 0o600);
      await lab.exec(SEED, ['cp', '/root/.ssh/known_hosts', `${CARRIED}/known_hosts`]);
      return new StorageLab(lab, hosts, program);
    } catch (error) {
      await lab.stop();
      throw error;
    }
  }

  /**
   * Writes cluster.yaml on the seed. The program of the bundle, of 130 MB, is placed on the hosts before an install finds it there: their
   * network takes minutes for it.
   */
  async declare(storage: unknown, nodes: readonly StorageNode[]): Promise<void> {
    for (const { name } of nodes) await this.hosts.place(name, this.#program, PLACED_PROGRAM);
    const text = JSON.stringify({
      ...{ apiVersion: 'caisson/v1', kind: 'Cluster', name: 'storage', options: { storage } },
      ssh: { user: 'root', identityFile: './identity', knownHosts: './known_hosts', agent: false },
      depot: { address: this.#lab.node(SEED).address },
      nodes: nodes.map(({ name, roles }) => ({ name, address: this.hosts.address(name), roles })),
    });
    await this.#lab.exec(SEED, ['sh', '-c', 'cat > "$1"', 'declare', `${CARRIED}/cluster.yaml`], { input: text });
  }

  async install(): Promise<InstallReport> {
    const started = performance.now();
    return reportOf(await this.caisson('--json', ...INSTALL, '--yes'), (performance.now() - started) / 1000);
  }

  caisson(...words: readonly string[]): Promise<RunResult> {
    return this.#lab.exec(SEED, [`${CARRIED}/${ON_SEED}`, ...words], { expect: 'any', timeout: 1_800_000 });
  }

  /** State and reason of a component as the agent of its host says it to the seed. */
  async stateOf(host: string, component: string): Promise<string> {
    const { stdout, stderr } = await this.caisson('--json', 'cluster');
    const seen = parseLines(stdout)
      .map((line) => report.safeParse(line).data)
      .find((found) => found !== undefined);
    const found = seen?.nodes.find(({ name }) => name === host)?.status?.components.find(({ name }) => name === component);
    return found === undefined ? `no answer: ${stderr}` : `${found.state}: ${found.reason}`;
  }

  async untilState(host: string, component: string, matches: RegExp): Promise<number> {
    const started = performance.now();
    await eventually(PATIENCE_MS, async () => {
      const state = await this.stateOf(host, component);
      if (!matches.test(state)) throw new Error(`"${component}" on "${host}" is ${state}, want ${String(matches)}`);
    });
    return Math.round((performance.now() - started) / 1000);
  }

  async stop(): Promise<void> {
    await this.hosts.stop();
    await this.#lab.stop();
  }
}
