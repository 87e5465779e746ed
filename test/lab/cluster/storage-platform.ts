import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { repositoryRoot } from '../state.ts';

/** The components of the shipped platform that share storage. */
const SHIPPED = ['nfs-client', 'nfs-server', 'gfs-client', 'storage'] as const;

/** A program that writes a file of its host on the storage once a second. */
const WRITER = `apiVersion: caisson/v1
kind: Component
name: writer
summary: Writes on the storage
needs: [storage, nfs-server]
directories:
  - { path: '\${var.shared}/writer', mode: '0711' }
services:
  - name: writer
    process: { command: [/bin/sh, -c, 'while sleep 1; do date +%s > \${var.shared}/writer/\${node.name}; done'] }
    health: { model: cmd, address: 'systemctl is-active --quiet writer' }
`;

const role = (name: string, components: readonly string[]): string =>
  JSON.stringify({
    ...{ apiVersion: 'caisson/v1', kind: 'Role', name, summary: 'Role of the lab', minimum: 1 },
    ...{ components, requires: { cpus: 1, memory: '256MB', disk: '1GB' } },
  });

/**
 * Writes manifests that have the storage of the shipped platform, its components and its option as they are shipped, and beside them a
 * program that uses it: what hosts with one slow processor can bear.
 */
export async function writeStoragePlatform(directory: string): Promise<void> {
  const shipped = join(repositoryRoot(), 'manifests');
  await mkdir(join(directory, 'roles'), { recursive: true });
  for (const name of ['os', ...SHIPPED.map((component) => `components/${component}`)])
    await cp(join(shipped, name), join(directory, name), { recursive: true });
  const { options, variables, ...platform } = z
    .looseObject({ options: z.array(z.looseObject({ name: z.string() })), variables: z.looseObject({}) })
    .parse(parse(await readFile(join(shipped, 'platform.yaml'), 'utf8')));
  const { apiVersion, kind, command, definitionsDirectory } = platform;
  const own = { apiVersion, kind, name: 'storage', version: '1', command, variables, definitionsDirectory };
  await writeFile(join(directory, 'platform.yaml'), JSON.stringify({ ...own, options: options.filter(({ name }) => name === 'storage') }));
  await mkdir(join(directory, 'components/writer'));
  await writeFile(join(directory, 'components/writer/component.yaml'), WRITER);
  const mounting = SHIPPED.filter((name) => name !== 'nfs-server');
  await writeFile(join(directory, 'roles/manage.yaml'), role('manage', [...SHIPPED, 'writer']));
  await writeFile(join(directory, 'roles/compute.yaml'), role('compute', [...mounting, 'writer']));
}
