import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { topologicalOrder } from '../../src/core/index.ts';
import { importedFiles, unusedGrants, usesOf, violationsOf } from './import-rule.ts';
import { IMPORT_TABLE } from './import-table.ts';

const SRC = resolve(import.meta.dirname, '../../src');

function sourceFiles(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

const USES = sourceFiles(SRC).map((path) => usesOf(relative(SRC, path), readFileSync(path, 'utf8')));

function topOf(folder: string): string {
  return folder.split('/')[0] ?? '';
}

function violationsIn(file: string, text: string): string[] {
  return violationsOf(usesOf(file, text), IMPORT_TABLE);
}

describe('architecture', () => {
  const folders = readdirSync(SRC, { withFileTypes: true }).filter((entry) => entry.isDirectory());

  it.each(folders.map((entry) => entry.name))('%s has a door that says what lives there', (name) => {
    const door = join(SRC, name, 'index.ts');
    expect(existsSync(door)).toBe(true);
    expect(readFileSync(door, 'utf8')).toMatch(/^\/\*\*/);
  });

  it('lets files use only what the table grants their folder', () => {
    expect(USES.flatMap((uses) => violationsOf(uses, IMPORT_TABLE))).toEqual([]);
  });

  it('has no row and no grant that no file uses', () => {
    expect(unusedGrants(USES, IMPORT_TABLE)).toEqual([]);
  });

  it('has no folders and no files that import each other in a circle, by types as well', () => {
    const tops = folders.map(({ name }) => ({
      name,
      needs: Object.entries(IMPORT_TABLE.folders).flatMap(([folder, grants]) => (topOf(folder) === name ? grants.map(topOf) : [])),
    }));
    topologicalOrder(
      tops,
      ({ name }) => name,
      ({ name, needs }) => needs.filter((need) => need !== name),
    );
    topologicalOrder(USES, ({ file }) => file, importedFiles);
  });

  it('keeps the shipped cluster out of the engine', () => {
    const named = sourceFiles(SRC).filter((path) =>
      /rainbond|goodrain|\brbd-|calico|flannel|gluster|nfs|mysql|mariadb/i.test(readFileSync(path, 'utf8')),
    );
    expect(named.map((path) => relative(SRC, path))).toEqual([]);
  });
});

describe('the import rule', () => {
  it.each([
    ["import { request } from 'https';", 'imports "https", which has no row in the table'],
    ["import { lookup } from 'dns';", 'imports "dns", which has no row in the table'],
    ["import { lookup } from 'node:dns/promises';", 'imports "node:dns/promises", which has no row in the table'],
    ["import { connect } from 'node:http2';", 'imports "node:http2", which has no row in the table'],
    ["import { createSocket } from 'node:dgram';", 'imports "node:dgram", which has no row in the table'],
    ["import got from 'got';", 'imports "got", which has no row in the table'],
    ["import { connect } from 'node:tls';", 'imports "node:tls", which only net/dispatchers.ts, server/listener.ts may'],
    ["import { request } from 'undici';", 'imports "undici", which only net/ may'],
    ["import type { ClientRequest } from 'node:http';", 'imports "node:http", which only '],
    ["const { request } = await import('node:https');", 'imports "node:https", which only '],
    ["type Socket = import('node:net').Socket;", 'imports "node:net", which only '],
    ["export * from 'undici';", 'imports "undici", which only '],
    ["import{request}from'undici'", 'imports "undici", which only '],
    ['const undici = await import(`undici`);', 'imports "undici", which only '],
    ["const net = process.getBuiltinModule('net');", 'imports "net", which has no row in the table'],
    ["const name = 'undici';\nawait import(name);", 'uses a module whose name is made at run time: name'],
    ["import net = require('node:net');", 'uses import = : '],
    ["await fetch('https://example.com/');", 'uses fetch, which is granted to no file'],
    ['const get = fetch;', 'uses fetch, which is granted to no file'],
    ['const work = { fetch };', 'uses fetch, which is granted to no file'],
    ["new WebSocket('wss://example.com/');", 'uses WebSocket, which is granted to no file'],
    ["new EventSource('https://example.com/');", 'uses EventSource, which is granted to no file'],
    ['new XMLHttpRequest();', 'uses XMLHttpRequest, which is granted to no file'],
    ["globalThis['fetch']('https://example.com/');", 'uses globalThis, which is granted to no file'],
    ["require('node:net');", 'uses require, which is granted to no file'],
    ['process.exit(1);', 'uses process.exit, which has no row in the table'],
    ['const { env } = process;', 'uses process, which has no row in the table'],
    ['const now = Date.now();', 'uses Date.now, which has no row in the table'],
    ['const now = new Date();', 'uses new Date(), which only core/clock.ts may'],
    ["import { z } from 'zod';", 'uses named imports of zod'],
    ["import { HttpClient } from '../net/index.ts';", 'net/index.ts: usecases is not granted net'],
    ["import { topologicalOrder } from '../core/graph.ts';", 'not through the door core/index.ts'],
    ["import { install } from './index.ts';", 'its own index.ts'],
  ])('refuses %s', (text, problem) => {
    const found = violationsIn('usecases/planted.ts', `${text}\n`);
    expect(found.join('\n')).toContain('usecases/planted.ts');
    expect(found.join('\n')).toContain(problem);
  });

  it.each([
    ['a module of the same name in a comment', "// import { request } from 'https';\n/* fetch('x') */"],
    [
      'a member named as a global',
      'export interface Tools {\n  readonly fetch: () => void;\n}\nexport const run = (tools: Tools) => tools.fetch();',
    ],
    ['text that mentions an import', 'export const line = "import { request } from \'https\'; fetch(1)";'],
    ['another folder through its door', "import { hasCode } from '../core/index.ts';"],
    ['a date that is given', 'export const epoch = new Date(0);'],
  ])('lets %s be', (_, text) => {
    expect(violationsIn('usecases/planted.ts', text)).toEqual([]);
  });

  it('refuses an arrow between rooms of one folder that has no grant', () => {
    expect(violationsIn('bundle/format/planted.ts', "import { BundleWriter } from '../write/writer.ts';")).toEqual([
      'bundle/format/planted.ts -> bundle/write/writer.ts: bundle/format is not granted bundle/write',
    ]);
  });

  it('refuses a folder without a row', () => {
    expect(violationsIn('novel/planted.ts', "import { hasCode } from '../core/index.ts';")).toEqual([
      'novel/planted.ts: the folder novel has no row in the table',
    ]);
  });

  it('names grants that no file uses', () => {
    const uses = [usesOf('core/a.ts', "import { b } from '../io/index.ts';\nimport { join } from 'node:path';\nperformance.now();")];
    expect(
      unusedGrants(uses, {
        folders: { core: ['io', 'net'], io: [] },
        modules: { 'node:path': ['core/', 'io/'], undici: ['net/'], zod: [] },
        globals: { performance: ['core/clock.ts'], fetch: [] },
      }),
    ).toEqual([
      'core -> net',
      'io: no such folder',
      'node:path: io/',
      'undici: net/',
      'zod: granted to no file',
      'performance: core/clock.ts',
    ]);
  });
});
