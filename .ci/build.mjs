// Builds dist/main.js, and the executables that bundles carry: one file for each target platform, made of the pinned
// official Node binary and the scripts (Node's single executable application). Same sources, same bytes: the commit that they
// name is the last one that changed them.
//   node .ci/build.mjs [--no-executable] [--platform linux/amd64 …]
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build, transform } from 'esbuild';
import { inject } from 'postject';
import { extract } from 'tar';
import { librariesOf, nodeLibrary } from './notices.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const binaries = JSON.parse(readFileSync(join(root, '.ci/node-binaries.json'), 'utf8'));
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'caisson', 'node');
/** Everything that the program is made of. A commit of something else, such as a lock, must not change its bytes: locks pin them. */
const SOURCES = ['src', '.ci', 'package.json', 'package-lock.json'];
const commit = commitOfSources();
/** File with the libraries of the scripts and the texts of their licences, beside the scripts or among the assets of the executable. */
const NOTICES = 'notices.json';
/** Of this machine, whose Node makes the blob of scripts for all platforms. */
const generatorPlatform = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64';
const SEA_FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const { values: flags } = parseArgs({
  options: { 'no-executable': { type: 'boolean' }, platform: { type: 'string', multiple: true } },
});

const STANDALONE_LOADER = readFileSync(join(root, '.ci/standalone-loader.cjs'), 'utf8');

/** The last commit of the sources and its day, which `caisson version` prints; undefined where they are in no checkout of git. */
function commitOfSources() {
  const git = (...argv) => execFileSync('git', ['-C', root, ...argv], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  if (!existsSync(join(root, '.git'))) return undefined;
  try {
    const [id, date] = git('log', '-1', '--format=%H %cs', '--', ...SOURCES).split(' ');
    return { id: git('status', '--porcelain', '--untracked-files=no', '--', ...SOURCES) === '' ? id : `${id}-dirty`, date };
  } catch {
    return undefined;
  }
}

/**
 * Bundles the program with its libraries, cut into chunks at the imports of commands, which load at run time what they
 * need. The first file is the entry.
 */
async function bundleScripts({ target, standalone, chunkNames, banner }) {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(root, 'src/main.ts')],
    bundle: true,
    splitting: true,
    format: 'esm',
    outdir: dist,
    chunkNames,
    write: false,
    metafile: true,
    platform: 'node',
    target,
    absWorkingDir: root,
    logLevel: 'warning',
    minifySyntax: standalone,
    legalComments: standalone ? 'none' : 'inline',
    external: ['cpu-features'],
    // ssh2 and its companions ask for native add-ons inside try: without them they use node:crypto.
    loader: { '.node': 'empty' },
    define: {
      CAISSON_VERSION: JSON.stringify(version),
      CAISSON_COMMIT: JSON.stringify(commit) ?? 'undefined',
      CAISSON_STANDALONE: String(standalone),
      ...(standalone ? { 'import.meta.url': '__caissonUrl' } : {}),
    },
    banner: { js: banner },
  });
  return { files: outputFiles, libraries: librariesOf(Object.keys(metafile.inputs), root) };
}

async function buildScript() {
  const { files: scripts, libraries } = await bundleScripts({
    target: 'node20',
    standalone: false,
    chunkNames: 'chunks/[name]-[hash]',
    banner:
      "import{createRequire as __cr}from'node:module';import{fileURLToPath as __f}from'node:url';import{dirname as __d}from'node:path';const require=__cr(import.meta.url),__filename=__f(import.meta.url),__dirname=__d(__filename);",
  });
  rmSync(join(dist, 'chunks'), { recursive: true, force: true });
  mkdirSync(join(dist, 'chunks'));
  const main = join(dist, 'main.js');
  for (const { path, text } of scripts) writeFileSync(path, path === main ? `#!/usr/bin/env node\n${text}` : text);
  chmodSync(main, 0o755);
  writeFileSync(join(dist, NOTICES), JSON.stringify(libraries));
}

/**
 * Writes the script of the executable and its chunks into a directory: a single executable application has one script, of
 * CommonJS, and reads the others from its assets. Resolves to the names of the chunks.
 */
async function writeStandaloneScripts(directory) {
  const options = { target: 'node24', standalone: true, chunkNames: '[name]-[hash]', banner: '' };
  const names = [NOTICES];
  const { files, libraries } = await bundleScripts(options);
  const node = nodeLibrary(binaries.version, `${await nodeBinary(generatorPlatform)}.LICENSE`);
  writeFileSync(join(directory, NOTICES), JSON.stringify([node, ...libraries]));
  for (const { path, text } of files) {
    const { code } = await transform(text, {
      format: 'cjs',
      target: 'node24',
      supported: { 'dynamic-import': false },
      banner: "const __caissonUrl=require('node:url').pathToFileURL(process.execPath).href;",
    });
    writeFileSync(join(directory, basename(path)), code);
    names.push(basename(path));
  }
  writeFileSync(join(directory, 'caisson.cjs'), STANDALONE_LOADER);
  return names;
}

/** The official Node binary for a platform, from the npm package that ships it, checked against the pinned integrity. */
async function nodeBinary(platform) {
  const wanted = binaries.platforms[platform];
  if (wanted === undefined) throw new Error(`no Node binary is pinned for ${platform}: .ci/node-binaries.json`);
  const path = join(cache, `${wanted.package}-${binaries.version}`);
  if (existsSync(path) && existsSync(`${path}.LICENSE`)) return path;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(tmpdir(), 'caisson-node-'));
  try {
    execFileSync('npm', ['pack', '--silent', '--force', `${wanted.package}@${binaries.version}`], {
      cwd: work,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const archive = join(work, `${wanted.package}-${binaries.version}.tgz`);
    const integrity = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
    if (integrity !== wanted.integrity)
      throw new Error(`${wanted.package}@${binaries.version} has integrity ${integrity}, pinned is ${wanted.integrity}`);
    await extract({ file: archive, cwd: work, strip: 1, filter: (name) => ['package/bin/node', 'package/LICENSE'].includes(name) });
    copyFileSync(join(work, 'LICENSE'), `${path}.LICENSE`);
    copyFileSync(join(work, 'bin/node'), `${path}.partial`);
    chmodSync(`${path}.partial`, 0o755);
    renameSync(`${path}.partial`, path);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return path;
}

async function buildExecutables(platforms) {
  const work = mkdtempSync(join(tmpdir(), 'caisson-build-'));
  try {
    const blob = join(work, 'caisson.blob');
    const config = join(work, 'sea.json');
    const names = await writeStandaloneScripts(work);
    const assets = Object.fromEntries(names.map((name) => [name, name]));
    // Code cache and snapshot depend on the machine; without them the blob is the same everywhere.
    // The blob remembers the script's path, so it is a relative one.
    const settings = { disableExperimentalSEAWarning: true, useCodeCache: false, useSnapshot: false };
    writeFileSync(config, JSON.stringify({ main: 'caisson.cjs', output: blob, assets, ...settings }));
    const generator = await nodeBinary(generatorPlatform);
    execFileSync(generator, ['--experimental-sea-config', config], { cwd: work, stdio: 'pipe' });
    for (const platform of platforms) {
      const target = join(dist, `caisson-${platform.replaceAll('/', '-')}`);
      copyFileSync(await nodeBinary(platform), `${target}.partial`);
      await quietly(() => inject(`${target}.partial`, 'NODE_SEA_BLOB', readFileSync(blob), { sentinelFuse: SEA_FUSE }));
      chmodSync(`${target}.partial`, 0o755);
      renameSync(`${target}.partial`, target);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** postject warns about sections of the official binary that it keeps as they are. */
async function quietly(work) {
  const { warn, error } = console;
  console.warn = console.error = () => {};
  try {
    return await work();
  } finally {
    Object.assign(console, { warn, error });
  }
}

mkdirSync(dist, { recursive: true });
await buildScript();
if (flags['no-executable'] !== true) await buildExecutables(flags.platform ?? ['linux/amd64']);
