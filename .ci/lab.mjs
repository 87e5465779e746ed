// Runs one of the lab's programs (test/lab/NAME.ts): TypeScript, so it is bundled first.
//   node .ci/lab.mjs quickstart|stop
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = resolve(import.meta.dirname, '..');
const name = process.argv[2];
if (name !== 'quickstart' && name !== 'stop') throw new Error('say which: quickstart or stop');
const outfile = join(root, `dist/lab/${name}.mjs`);
await build({
  entryPoints: [join(root, `test/lab/${name}.ts`)],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  logLevel: 'warning',
});
await import(pathToFileURL(outfile).href);
