import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { openWorkshop, packageFiles, type Workshop } from '../builder/workshop.ts';
import { LoopbackRegistry } from '../support/loopback-registry.ts';
import type { SampleDocument } from '../support/sample-image.ts';

/** The built command; needs `npm run build`. */
export const MAIN = join(import.meta.dirname, '../../dist/main.js');

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs: its process, and how it ended. */
export function start(
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const [program = '', ...words] = argv;
  const child = spawn(program, words, { env: { PATH: process.env['PATH'], ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const text = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (text.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text.stderr += chunk.toString()));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, ...text }));
  });
  return { child, ended };
}

/** Runs the built command to its end. */
export async function caisson(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return start([process.execPath, MAIN, ...words], env).ended;
}

export interface BuildingSite {
  readonly workshop: Workshop;
  readonly registry: LoopbackRegistry;
  /** The server of the package repository, as it records requests; its files are in `files`, by URL. */
  readonly packages: LoopbackRegistry;
  readonly files: Map<string, Buffer>;
  /** Values of --mirror that lead to both. */
  readonly mirrors: readonly string[];
  /** build-bundle with everything but --output. */
  readonly words: readonly string[];
  readonly close: () => Promise<void>;
}

/** A registry with images (`docker.io/NAME:1.0`), a package repository and the inputs of a build that uses both. */
export async function openBuildingSite(images: Readonly<Record<string, SampleDocument>>): Promise<BuildingSite> {
  const workshop = await openWorkshop({ images: {} });
  const { directory } = workshop;
  const names = Object.keys(images).map((name) => `${name}:1.0\n`);
  await workshop.write('images.txt', names.join(''));
  const registry = await LoopbackRegistry.start();
  for (const [name, image] of Object.entries(images)) registry.put(name, '1.0', image);
  const files = await packageFiles({ hello: 'the hello package' });
  const packages = await LoopbackRegistry.start();
  packages.intercept = (request, response) => {
    const content = files.get(`http://packages.example${request.url ?? ''}`);
    if (content === undefined) response.writeHead(404).end();
    else response.end(content);
    return true;
  };
  const mirrors = [`docker.io=${registry.origin}`, `packages.example=${packages.origin}`];
  const words = [
    ...['build-bundle', '--manifests', join(directory, 'manifests'), '--images', join(directory, 'images.txt')],
    ...['--lock', join(directory, 'bundle.lock.json'), '--executable', join(directory, 'caisson-linux-amd64')],
    ...mirrors.flatMap((mirror) => ['--mirror', mirror]),
  ];
  const close = async (): Promise<void> => {
    await registry.close();
    await packages.close();
    await workshop.remove();
  };
  return { workshop, registry, packages, files, mirrors, words, close };
}
