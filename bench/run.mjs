// Bundles the benchmarks into dist/bench and runs one of them with this Node:
//   node bench/run.mjs NAME [options]        the options are in bench/README.md
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const dist = resolve(here, '../dist/bench');
const scripts = (folder) => readdirSync(join(here, folder)).filter((name) => name.endsWith('.ts'));
const benchmarks = scripts('.').map((name) => basename(name, '.ts'));

const [name = '', ...options] = process.argv.slice(2);
if (!benchmarks.includes(name)) {
  console.error(`usage: npm run bench -- NAME [options]\nNAME is one of: ${benchmarks.join(', ')}`);
  process.exit(2);
}

await build({
  entryPoints: [join(here, `${name}.ts`), ...scripts('programs').map((file) => join(here, 'programs', file))],
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  // As .ci/build.mjs bundles the program: CommonJS packages have no named exports that Node would find.
  external: ['cpu-features', 'esbuild'],
  loader: { '.node': 'empty' },
  banner: {
    js: "import{createRequire as __cr}from'node:module';import{fileURLToPath as __f}from'node:url';import{dirname as __d}from'node:path';const require=__cr(import.meta.url),__filename=__f(import.meta.url),__dirname=__d(__filename);",
  },
  outdir: dist,
  entryNames: '[name]',
  outExtension: { '.js': '.mjs' },
  logLevel: 'warning',
});

const child = spawn(process.execPath, [join(dist, `${name}.mjs`), ...options], { stdio: 'inherit' });
// The benchmark cleans up and ends by itself when it is interrupted; this process only has to outlive it.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
