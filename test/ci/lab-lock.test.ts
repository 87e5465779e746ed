import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { useTempDir } from '../support/temp-dir.ts';

const CI = join(import.meta.dirname, '../../.ci');
const directory = useTempDir();
const LOCK = `caisson-test-lab-${process.pid}`;
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/**
 * A checkout that has our programs of .ci, with steps of its own: a set-up that says that it runs and waits for the file `go`, a build, and
 * a lab that notes under which lock it ran.
 */
async function checkout(name: string): Promise<string> {
  const root = join(directory(), name);
  await mkdir(join(root, '.ci'), { recursive: true });
  for (const file of ['lab-lock.mjs', 'quickstart.mjs', 'test.mjs']) await copyFile(join(CI, file), join(root, '.ci', file));
  await writeFile(join(root, '.ci/setup.sh'), 'echo setting up; touch begun; until [ -e go ] || [ ! -e begun ]; do sleep 0.05; done\n');
  await writeFile(join(root, 'package.json'), JSON.stringify({ scripts: { build: 'touch built' } }));
  const lab = `import { writeFileSync } from 'node:fs'; import { labHolder } from './lab-lock.mjs';
    writeFileSync('ran', JSON.stringify([process.argv[2], await labHolder()]));`;
  await writeFile(join(root, '.ci/lab.mjs'), lab);
  return root;
}

interface Program {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly status: number | null; readonly out: string; readonly err: string }>;
}

function start(root: string, program = 'quickstart.mjs'): Program {
  const { CAISSON_LAB_HELD: _, ...env } = process.env;
  const child = spawn(process.execPath, [join(root, '.ci', program)], { cwd: root, env: { ...env, CAISSON_LAB_LOCK: LOCK } });
  children.push(child);
  const ended = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]).then(([, out, err]) => ({
    status: child.exitCode,
    out,
    err,
  }));
  return { child, ended };
}

/** A quickstart that holds the lock and is setting up. */
async function runningIn(root: string): Promise<Program> {
  const first = start(root);
  await once(first.child.stdout ?? process.stdin, 'data');
  return first;
}

describe('two quickstarts at once', () => {
  it.each([
    { what: 'a quickstart of another checkout', from: 'second', program: 'quickstart.mjs', wanted: 'npm run quickstart' },
    { what: 'a quickstart of the same checkout', from: 'first', program: 'quickstart.mjs', wanted: 'npm run quickstart' },
    { what: 'npm test', from: 'second', program: 'test.mjs', wanted: 'npm test' },
  ])('turns away $what with status 7, before it does anything, and the first one goes on', async ({ from, program, wanted }) => {
    const root = await checkout('first');
    await checkout('second');
    const first = await runningIn(root);
    const { status, out, err } = await start(join(directory(), from), program).ended;
    expect({ status, out }).toEqual({ status: 7, out: '' });
    expect(err.replace(/since \S+Z/, 'since TIME')).toBe(
      `Cannot start "${wanted}": the lab of this machine is in use by "npm run quickstart" in ${root} (process ${first.child.pid}, since TIME)
  Wait for it to end, or end it: Ctrl-C in its terminal, or kill ${first.child.pid}; then run this again. Nothing was changed
`,
    );
    expect(existsSync(join(directory(), 'second/begun'))).toBe(false);
    await writeFile(join(root, 'go'), '');
    expect(await first.ended).toMatchObject({ status: 0 });
    expect(existsSync(join(root, 'built'))).toBe(true);
    const [argument, holder]: unknown[] = JSON.parse(await readFile(join(root, 'ran'), 'utf8'));
    expect(argument).toBe('quickstart');
    expect(holder).toMatchObject({ what: 'npm run quickstart', directory: root, pid: first.child.pid });
  });

  it('leaves the lab to the next one when it was killed with SIGKILL', async () => {
    const first = await runningIn(await checkout('first'));
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    // Its set-up, which outlives it, ends.
    await writeFile(join(directory(), 'first/go'), '');
    const second = await checkout('second');
    await writeFile(join(second, 'go'), '');
    expect(await start(second).ended).toMatchObject({ status: 0 });
  });

  it('ends with 130 on SIGTERM, its set-up with it, and builds nothing', async () => {
    const root = await checkout('first');
    const first = await runningIn(root);
    first.child.kill('SIGTERM');
    expect(await first.ended).toMatchObject({ status: 130, err: '' });
    expect(existsSync(join(root, 'built'))).toBe(false);
  });

  it('ends with the status of a set-up that fails, and frees the lab', async () => {
    const root = await checkout('first');
    await writeFile(join(root, '.ci/setup.sh'), 'exit 3\n');
    expect(await start(root).ended).toMatchObject({ status: 3 });
    expect(existsSync(join(root, 'built'))).toBe(false);
    await writeFile(join(root, '.ci/setup.sh'), 'exit 0\n');
    expect(await start(root).ended).toMatchObject({ status: 0 });
  });
});
