// The libraries that scripts are made of, with the texts of their licences, as the builder of the scripts tells its inputs.
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';

const LICENCE_FILE = /^(?:licen[cs]es?|copying|notice)(?:[.-].*)?$/i;

/**
 * Each library once, by name and version: { name, version, licence, source, texts }. `inputs` are paths of files, relative to
 * `root`. Throws for a library that neither declares a licence nor has the text of one.
 */
export function librariesOf(inputs, root) {
  const directories = new Set(
    inputs
      .flatMap((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [])
      .map((path) => realpathSync(resolve(root, path))),
  );
  const libraries = new Map([...directories].map(libraryIn).map((library) => [`${library.name} ${library.version}`, library]));
  return [...libraries.values()].sort((a, b) => (`${a.name} ${a.version}` < `${b.name} ${b.version}` ? -1 : 1));
}

function libraryIn(directory) {
  const { name, version, license, licenses, repository } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  const files = readdirSync(directory).filter((file) => LICENCE_FILE.test(file) && !/\.(?:[cm]?js|ts)$/.test(file));
  const texts = files.sort().map((file) => readFileSync(join(directory, file), 'utf8').replace(/\r\n/g, '\n').trim());
  const declared = typeof license === 'string' ? license : (license?.type ?? licenses?.map(({ type }) => type).join(' OR '));
  if (declared === undefined && texts.length === 0) throw new Error(`"${name}" ${version} says nothing of its licence`);
  const source = typeof repository === 'string' ? repository : repository?.url;
  return { name, version, licence: declared ?? 'as its text says', ...(source === undefined ? {} : { source }), texts };
}

/** The Node inside the executable as one more library; its text has the licences of all that it is made of. */
export function nodeLibrary(version, licencePath) {
  if (!existsSync(licencePath)) throw new Error(`the licence of Node ${version} is missing`);
  const texts = [readFileSync(licencePath, 'utf8').trim()];
  return { name: 'node', version, licence: 'MIT', source: 'https://github.com/nodejs/node', texts };
}
