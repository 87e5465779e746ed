import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Who may import whom. Imports go down, and through the other folder's index.ts. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  io: ['core'],
  net: ['core', 'io'],
  oci: ['core', 'io'],
  ospkg: ['core', 'io'],
  manifests: ['core', 'io'],
  cluster: ['core', 'io', 'manifests'],
  pki: ['core', 'io'],
  sshsig: ['core', 'io'],
  registry: ['core', 'io', 'net', 'oci'],
  sources: ['core', 'io', 'net', 'oci', 'registry'],
  bundle: ['core', 'io', 'oci', 'ospkg', 'sshsig'],
  host: ['core', 'io', 'sshsig'],
  server: ['core', 'io', 'oci', 'ospkg'],
  health: ['core', 'io', 'host'],
  depot: ['core', 'io', 'oci', 'ospkg', 'bundle', 'server'],
  builder: ['core', 'io', 'net', 'oci', 'ospkg', 'manifests', 'sshsig', 'registry', 'sources', 'bundle'],
  push: ['core', 'io', 'net', 'oci', 'registry', 'bundle'],
  agent: ['core', 'io', 'host', 'health'],
  site: ['core', 'bundle', 'host'],
  preflight: ['core', 'manifests', 'cluster', 'bundle', 'host', 'site'],
  install: [
    'core',
    'io',
    'oci',
    'ospkg',
    'manifests',
    'cluster',
    'pki',
    'sshsig',
    'bundle',
    'host',
    'site',
    'preflight',
    'health',
    'server',
    'depot',
    'agent',
  ],
  ui: ['core'],
  cli: [
    'core',
    'io',
    'net',
    'oci',
    'ospkg',
    'manifests',
    'cluster',
    'pki',
    'sshsig',
    'registry',
    'sources',
    'bundle',
    'host',
    'server',
    'health',
    'depot',
    'builder',
    'push',
    'agent',
    'site',
    'preflight',
    'install',
    'ui',
  ],
};

/** Modules with one home: files (or folders, with a trailing slash) that may import them. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  ssh2: ['host/', 'sshsig/'],
  'node:child_process': ['host/local-host.ts'],
  undici: ['net/'],
  'node:http': ['server/listener.ts', 'agent/', 'health/checks/'],
  'node:https': ['server/listener.ts', 'agent/', 'health/checks/'],
  'node:net': ['server/listener.ts', 'health/checks/', 'agent/', 'io/machine-lock.ts'],
  yaml: ['io/'],
  tar: ['io/', 'bundle/'],
  openpgp: ['ospkg/'],
  '@peculiar/x509': ['pki/'],
  dockerode: ['sources/', 'host/'],
  'packageurl-js': ['builder/'],
  commander: ['cli/'],
  'cli-progress': ['ui/'],
};

/** Words that only some files may use: process-wide state comes in through arguments. */
const WORDS: readonly { readonly pattern: RegExp; readonly homes: readonly string[] }[] = [
  { pattern: /\bprocess\.(exit|env|argv|exitCode)\b/, homes: ['main.ts'] },
  { pattern: /\bprocess\.(stdout|stderr|stdin)\b|\bconsole\./, homes: ['main.ts', 'ui/'] },
  { pattern: /\bDate\.now\(|\bnew Date\(\)/, homes: ['core/clock.ts'] },
];

const SRC = resolve(import.meta.dirname, '../../src');

function sourceFiles(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

function importsOf(text: string): string[] {
  return [
    ...text.matchAll(
      /^\s*(?:import|export)\b[^'"`;]*?from\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm,
    ),
  ].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

function isHome(file: string, homes: readonly string[]): boolean {
  return homes.some((home) => (home.endsWith('/') ? file.startsWith(home) : file === home));
}

function violationsOf(path: string): string[] {
  const file = relative(SRC, path);
  const folder = file.includes('/') ? (file.split('/')[0] ?? '') : undefined;
  const text = readFileSync(path, 'utf8');
  const found: string[] = [];
  for (const specifier of importsOf(text)) {
    if (specifier.startsWith('.')) {
      const target = relative(SRC, resolve(dirname(path), specifier));
      const targetFolder = target.split('/')[0] ?? '';
      if (folder === undefined) {
        if (targetFolder !== 'cli' && targetFolder !== 'core') found.push(`${file} -> ${target} (main.ts imports only cli and core)`);
      } else if (targetFolder !== folder) {
        if (!(MAY_IMPORT[folder] ?? []).includes(targetFolder)) found.push(`${file} -> ${targetFolder}`);
        else if (target !== `${targetFolder}/index.ts`) found.push(`${file} -> ${target} (not through the door ${targetFolder}/index.ts)`);
      } else if (target === `${folder}/index.ts`) found.push(`${file} -> its own index.ts`);
    } else {
      const homes = HOMES[specifier];
      if (homes !== undefined && !isHome(file, homes)) found.push(`${file} imports "${specifier}", whose home is ${homes.join(', ')}`);
    }
  }
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  for (const { pattern, homes } of WORDS) {
    const match = pattern.exec(code);
    if (match !== null && !isHome(file, homes)) found.push(`${file} uses ${match[0]}, whose home is ${homes.join(', ')}`);
  }
  return found;
}

describe('architecture', () => {
  const folders = readdirSync(SRC, { withFileTypes: true }).filter((entry) => entry.isDirectory());

  it('has a row in the table for every folder', () => {
    expect(folders.map((entry) => entry.name).filter((name) => MAY_IMPORT[name] === undefined)).toEqual([]);
  });

  it.each(folders.map((entry) => entry.name))('%s has a door that says what lives there', (name) => {
    const door = join(SRC, name, 'index.ts');
    expect(existsSync(door)).toBe(true);
    expect(readFileSync(door, 'utf8')).toMatch(/^\/\*\*/);
  });

  it('lets imports go down only, through the doors, and gives special modules one home', () => {
    expect(sourceFiles(SRC).flatMap(violationsOf)).toEqual([]);
  });

  it('sees a violation when there is one', () => {
    expect(importsOf("import { a } from '../install/index.ts';\nexport * from './b.ts';\nconst c = await import('undici');")).toEqual([
      '../install/index.ts',
      './b.ts',
      'undici',
    ]);
  });

  it('keeps the shipped cluster out of the engine', () => {
    const named = sourceFiles(SRC).filter((path) => /rainbond|goodrain|\brbd-/i.test(readFileSync(path, 'utf8')));
    expect(named.map((path) => relative(SRC, path))).toEqual([]);
  });
});
