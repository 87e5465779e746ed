import { CaissonError, messageOf } from '../../core/index.ts';
import { readYaml } from '../../io/index.ts';

/** One build of a stream of a module, as a document of modules.yaml describes it (modulemd, versions 1 to 3). */
export interface ModuleStream {
  readonly name: string;
  readonly stream: string;
  readonly version: bigint;
  /** Set where the context is a name that stays over versions; else it is a digest of what the build requires. */
  readonly staticContext: string | undefined;
  /** Streams by module, all of which must be met; no stream stands for any, `-1.0` for all but 1.0. */
  readonly requires: ReadonlyMap<string, readonly string[]>;
  /** The binary packages of the build: name-epoch:version-release.architecture. */
  readonly artifacts: readonly string[];
}

/** A document that names the stream of a module that counts where no other is asked for. */
export interface ModuleDefault {
  readonly module: string;
  /** Undefined where none is the default. */
  readonly stream: string | undefined;
  /** The one of the latest document counts. */
  readonly modified: bigint;
}

export interface ModuleMetadata {
  readonly streams: readonly ModuleStream[];
  readonly defaults: readonly ModuleDefault[];
}

/** Most bytes of one document, as readYaml bounds it. */
const DOCUMENT_LIMIT = 4 * 2 ** 20;

/**
 * Reads modules.yaml document by document, since some have tens of MB. Kinds of documents that choose no packages, such as
 * translations, are passed over. Throws REPOSITORY_INVALID for a document that cannot be read: it may hide packages.
 */
export async function readModules(chunks: AsyncIterable<Buffer>, what: string): Promise<ModuleMetadata> {
  const streams: ModuleStream[] = [];
  const defaults: ModuleDefault[] = [];
  try {
    for await (const text of documentsOf(chunks)) {
      const kind = /^document:\s*["']?([a-z-]+)["']?\s*$/m.exec(text)?.[1];
      if (kind !== 'modulemd' && kind !== 'modulemd-stream' && kind !== 'modulemd-defaults') continue;
      const { value, problems } = readYaml(text, what, { scalars: 'text' });
      const [problem] = problems;
      if (problem !== undefined) throw new Error(problem.reason);
      const data = mapOf(mapOf(value)['data']);
      if (kind === 'modulemd-defaults') defaults.push(defaultOf(data));
      else streams.push(streamOf(data));
    }
  } catch (error) {
    throw new CaissonError('REPOSITORY_INVALID', `Cannot use "${what}": ${messageOf(error)}`, {
      cause: error,
      hint: 'The repository is damaged: try another mirror',
    });
  }
  return { streams, defaults };
}

/** The texts between the lines that begin with three hyphens. */
async function* documentsOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true });
    const parts = rest.split(/^---(?=[ \t\r\n]).*\n/m);
    rest = parts.pop() ?? '';
    for (const part of parts) if (part.trim() !== '') yield withoutEnd(part);
    if (rest.length > DOCUMENT_LIMIT) throw new Error('one of its documents is too large');
  }
  rest += decoder.decode();
  if (rest.trim() !== '') yield withoutEnd(rest);
}

/** YAML ends a document with three dots, too. */
function withoutEnd(text: string): string {
  return text.replace(/^\.\.\.[ \t]*\r?\n?$/m, '');
}

function streamOf(data: Readonly<Record<string, unknown>>): ModuleStream {
  const dependencies = data['dependencies'];
  const entries = Array.isArray(dependencies) ? dependencies : [dependencies];
  const artifacts = mapOf(data['artifacts'])['rpms'];
  return {
    name: textIn(data, 'name'),
    stream: textIn(data, 'stream'),
    version: numberIn(data, 'version'),
    staticContext: data['static_context'] === 'true' ? textIn(data, 'context', '') : undefined,
    requires: new Map(entries.flatMap((item) => [...requiresOf(mapOf(item)['requires'])])),
    artifacts: listOf(artifacts).filter((name) => !/\.(?:no)?src$/.test(name)),
  };
}

function defaultOf(data: Readonly<Record<string, unknown>>): ModuleDefault {
  const stream = data['stream'];
  return {
    module: textIn(data, 'module'),
    stream: typeof stream === 'string' && stream !== '' ? stream : undefined,
    modified: numberIn(data, 'modified'),
  };
}

/** Version 1 has one stream as text for each module, later ones a list. */
function requiresOf(value: unknown): ReadonlyMap<string, readonly string[]> {
  return new Map(Object.entries(mapOf(value)).map(([name, streams]) => [name, typeof streams === 'string' ? [streams] : listOf(streams)]));
}

function textIn(data: Readonly<Record<string, unknown>>, key: string, otherwise?: string): string {
  const value = data[key] ?? otherwise;
  if (typeof value !== 'string' || (value === '' && otherwise === undefined)) throw new Error(`a module has no ${key}`);
  return value;
}

function numberIn(data: Readonly<Record<string, unknown>>, key: string): bigint {
  const text = textIn(data, key, '0');
  if (!/^\d{1,20}$/.test(text)) throw new Error(`the ${key} of a module is not a number`);
  return BigInt(text);
}

function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {};
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
