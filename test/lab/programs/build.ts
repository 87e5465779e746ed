import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AptMirror } from '../prerequisites.ts';
import { run } from '../run.ts';
import { cacheDirectory, recipeKey, repositoryRoot } from '../state.ts';
import { ensureGo } from './go.ts';

/** Programs that no Debian package has and that the lab builds from their published sources: those of the shipped platform. */
export const PROGRAMS = ['hyperkube', 'flanneld', 'cni-flannel', 'coredns', 'pause', 'rainbond'] as const;

/** The same for the platform kubernetes, whose lab is a command of its own: half an hour of building on two busy processors. */
export const KUBERNETES_PROGRAMS = [
  'kubernetes',
  'kubernetes-before',
  'containerd',
  'containerd-shim',
  'etcd',
  'etcdctl',
  'etcdutl',
  'metrics-server',
] as const;

export type ProgramName = (typeof PROGRAMS)[number] | (typeof KUBERNETES_PROGRAMS)[number];

/** Programs whose sources are those of another one, but for the files of their own folder. */
const BASES: Readonly<Partial<Record<ProgramName, ProgramName>>> = { 'kubernetes-before': 'kubernetes' };

/** The folders with the sources of a program; a file of a later one takes the place of one of its name. */
function foldersOf(name: ProgramName): readonly string[] {
  const base = BASES[name];
  return [...(base === undefined ? [] : [base]), name].map((folder) => join(repositoryRoot(), 'test/lab/programs', folder));
}

/** Twelve hexadecimal digits that change when the sources of the lab for a program do. */
export async function programKey(name: ProgramName): Promise<string> {
  const sources = new Map<string, string>();
  for (const folder of foldersOf(name)) for (const file of await readdir(folder)) sources.set(file, join(folder, file));
  const files = [...sources.keys()].sort();
  const texts = await Promise.all(files.map((file) => readFile(sources.get(file) ?? '', 'utf8')));
  return recipeKey(...files, ...texts);
}

/**
 * The path of a static program for this machine, built unless the cache holds it from the same sources: about five minutes for hyperkube on
 * two processors, more for kubernetes, seconds for the others. Go comes from this machine or is fetched. Throws with the words of the compiler.
 */
export async function ensureProgram(name: ProgramName, mirror: AptMirror, say: (line: string) => void = () => undefined): Promise<string> {
  const programs = cacheDirectory('programs');
  const program = join(programs, `${name}-${await programKey(name)}`);
  if (existsSync(program)) return program;
  const go = await ensureGo(say);
  say(`Building ${name} from its sources`);
  const work = await mkdtemp(join(programs, '.work-'));
  try {
    const source = join(work, 'source');
    await mkdir(source);
    for (const folder of foldersOf(name)) await cp(folder, source, { recursive: true });
    const built = join(work, name);
    const environment = {
      CGO_ENABLED: '0',
      GOTOOLCHAIN: 'local',
      GOCACHE: join(work, 'cache'),
      GOMODCACHE: join(work, 'modules'),
      GOFLAGS: '-modcacherw -buildvcs=false',
      PATH: `${go}:${process.env['PATH'] ?? ''}`,
      DEBIAN_MIRROR: mirror.main,
    };
    await run(['bash', join(source, 'build.sh'), built], { cwd: source, env: environment, timeout: 3_600_000 });
    await chmod(built, 0o755);
    await rename(built, program);
    await removeOlder(programs, name, program);
    return program;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function removeOlder(programs: string, name: ProgramName, kept: string): Promise<void> {
  const older = new RegExp(`^${name}-[0-9a-f]{12}$`);
  for (const file of await readdir(programs))
    if (older.test(file) && join(programs, file) !== kept) await rm(join(programs, file), { force: true });
}
