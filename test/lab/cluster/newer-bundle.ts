import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildLabBundle } from '../scenario.ts';
import { repositoryRoot } from '../state.ts';
import type { Side } from './site.ts';

/** Builds a bundle with another daemon.json, so that every engine restarts in an upgrade to it. Resolves to its path and that file's text. */
export async function buildNewerBundle({ connected }: Side): Promise<{ readonly path: string; readonly daemon: string }> {
  const manifests = join(connected.directory, 'newer-manifests');
  await cp(join(repositoryRoot(), 'manifests'), manifests, { recursive: true });
  const daemon = '{ "log-driver": "json-file", "log-opts": { "max-size": "20m", "max-file": "3" } }\n';
  await writeFile(join(manifests, 'components/docker/daemon.json'), daemon);
  const { path } = await buildLabBundle(connected, 'newer', ['--version', 'newer'], manifests);
  return { path, daemon };
}
