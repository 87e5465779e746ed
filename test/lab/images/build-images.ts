import { existsSync } from 'node:fs';
import { chmod, copyFile, cp, mkdir, mkdtemp, readFile, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { AptMirror } from '../prerequisites.ts';
import { run } from '../run.ts';
import { cacheDirectory, recipeKey, repositoryRoot } from '../state.ts';
import { ensureProgram, programKey } from '../programs/build.ts';
import { writeLayer, writeLayout, type ImageSettings, type Layer } from './layout.ts';
import { openPackageSource, unpackPackages, type PackageSource } from './packages.ts';
import { BASE_PACKAGES, IMAGE_RECIPES, LEFT_OUT, type ImageRecipe } from './recipes.ts';

export interface LabImage {
  /** `rainbond/etcd:v3.2.25`: repository and tag in the upstream registry. */
  readonly reference: string;
  /** An OCI image layout that holds this image alone. */
  readonly layout: string;
  /** Digest of the image's manifest. */
  readonly digest: string;
}

export interface BuildImagesOptions {
  readonly mirror: AptMirror;
  readonly recipes?: readonly ImageRecipe[];
  readonly say?: (line: string) => void;
}

/** Bumped when this code changes what an image holds. */
const RECIPE_VERSION = '2';

function recipesDirectory(): string {
  return join(repositoryRoot(), 'test/lab/images');
}

async function filesBelow(directory: string): Promise<string[]> {
  if (!existsSync(directory)) return [];
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function keyOf(recipe: ImageRecipe): Promise<string> {
  const files = await filesBelow(join(recipesDirectory(), recipe.folder, 'root'));
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  const programs = await Promise.all(Object.values(recipe.programs ?? {}).map(programKey));
  return recipeKey(
    RECIPE_VERSION,
    BASE_PACKAGES.join(' '),
    LEFT_OUT.source,
    JSON.stringify(recipe),
    ...files.map((file) => file.slice(recipesDirectory().length)),
    ...texts,
    ...programs,
  );
}

/**
 * The lab's images as OCI image layouts, made from Debian packages' files: one base layer that all share and one layer each.
 * What was made before from the same recipe is kept in the cache and used again.
 */
export async function buildImages(options: BuildImagesOptions): Promise<LabImage[]> {
  const { recipes = IMAGE_RECIPES, say = () => undefined } = options;
  const builder = new ImageBuilder(options.mirror, say);
  const images: LabImage[] = [];
  for (const recipe of recipes) images.push(...(await builder.images(recipe)));
  return images;
}

class ImageBuilder {
  readonly #mirror: AptMirror;
  readonly #say: (line: string) => void;
  #packages: Promise<PackageSource> | undefined;
  #base: Promise<{ readonly layer: Layer; readonly packages: ReadonlySet<string> }> | undefined;

  constructor(mirror: AptMirror, say: (line: string) => void) {
    this.#mirror = mirror;
    this.#say = say;
  }

  /** The image of a recipe under each of its names. */
  async images(recipe: ImageRecipe): Promise<LabImage[]> {
    const layout = join(cacheDirectory('images'), `${recipe.folder}-${await keyOf(recipe)}`);
    if (!existsSync(layout)) await this.#build(recipe, layout);
    const digest = await digestOf(layout);
    return [recipe.reference, ...(recipe.otherReferences ?? [])].map((reference) => ({ reference, layout, digest }));
  }

  async #build(recipe: ImageRecipe, layout: string): Promise<void> {
    const made = [...recipe.packages, ...Object.values(recipe.programs ?? {})];
    this.#say(`Making the image ${recipe.reference} from ${made.join(' ')}`);
    const work = await mkdtemp(join(cacheDirectory('images'), '.work-'));
    try {
      const root = join(work, 'root');
      const below = recipe.bare === true ? await this.#fillBare(recipe, root, join(work, 'packages')) : await this.#fill(recipe, root);
      for (const [path, program] of Object.entries(recipe.programs ?? {}))
        await copyInto(root, path, await ensureProgram(program, this.#mirror, this.#say));
      await linkInto(root, recipe);
      const layer = await writeLayer(root, join(work, 'layer.tar.gz'));
      const finished = join(work, 'layout');
      await writeLayout(finished, recipe.reference, [...below, layer], settingsOf(recipe));
      await rename(finished, layout);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  /** Fills the root of an image with packages. Resolves to the layers below it. */
  async #fill(recipe: ImageRecipe, root: string): Promise<readonly Layer[]> {
    const base = await this.#baseLayer();
    const closure = await (await this.#source()).closure(recipe.packages);
    const wanted = [...closure].filter(([name]) => !base.packages.has(name) && !LEFT_OUT.test(name));
    await unpackPackages(
      wanted.map(([, file]) => file),
      root,
    );
    await finishRoot(recipe, root);
    return [base.layer];
  }

  /** Fills the root of a bare image with single files of its packages, which are unpacked elsewhere. It has no layers below. */
  async #fillBare({ packages, copies = {} }: ImageRecipe, root: string, elsewhere: string): Promise<readonly Layer[]> {
    await mkdir(root, { recursive: true });
    if (packages.length === 0) return [];
    const closure = await (await this.#source()).closure(packages);
    await unpackPackages(
      [...closure].filter(([name]) => packages.includes(name)).map(([, file]) => file),
      elsewhere,
    );
    for (const [path, source] of Object.entries(copies)) await copyInto(root, path, join(elsewhere, source));
    return [];
  }

  #source(): Promise<PackageSource> {
    this.#packages ??= openPackageSource(cacheDirectory('apt'), this.#mirror);
    return this.#packages;
  }

  #baseLayer(): Promise<{ readonly layer: Layer; readonly packages: ReadonlySet<string> }> {
    this.#base ??= this.#makeBase();
    return this.#base;
  }

  async #makeBase(): Promise<{ readonly layer: Layer; readonly packages: ReadonlySet<string> }> {
    const key = recipeKey(RECIPE_VERSION, BASE_PACKAGES.join(' '), LEFT_OUT.source);
    const directory = cacheDirectory('images', `base-${key}`);
    const closure = await (await this.#source()).closure(BASE_PACKAGES);
    const wanted = [...closure].filter(([name]) => !LEFT_OUT.test(name));
    const packages = new Set(wanted.map(([name]) => name));
    const file = join(directory, 'layer.tar.gz');
    const note = join(directory, 'layer.json');
    // The note was written by this function.
    if (existsSync(note)) return { layer: { ...(JSON.parse(await readFile(note, 'utf8')) as Layer), file }, packages };
    const root = await mkdtemp(join(cacheDirectory('images'), '.work-'));
    try {
      await unpackPackages(
        wanted.map(([, deb]) => deb),
        root,
      );
      await finishBase(root);
      const layer = await writeLayer(root, file);
      await writeFile(note, JSON.stringify(layer));
      return { layer, packages };
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  }
}

/** What the base system's maintainer scripts would have done: users, the shell's neighbours as links to busybox, a place for times. */
async function finishBase(root: string): Promise<void> {
  const passwd = [
    'root:x:0:0:root:/root:/bin/sh',
    'www-data:x:33:33:www-data:/var/www:/bin/false',
    'nobody:x:65534:65534:nobody:/:/bin/false',
  ];
  await writeFile(join(root, 'etc/passwd'), `${passwd.join('\n')}\n`);
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nadm:x:4:\nwww-data:x:33:\nnogroup:x:65534:\n');
  await writeFile(join(root, 'etc/nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files dns\n');
  await chmod(join(root, 'tmp'), 0o1777);
  for (const [name, target] of [
    ['run', '/run'],
    ['lock', '/run/lock'],
  ] as const) {
    await rm(join(root, 'var', name), { recursive: true, force: true });
    await symlink(target, join(root, 'var', name));
  }
  // Through the image's own loader, so that neither root nor a like C library is needed here.
  const loader = [join(root, 'usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2'), '--library-path', join(root, 'usr/lib/x86_64-linux-gnu')];
  const listed = await run([...loader, join(root, 'usr/bin/busybox'), '--list']);
  const applets = listed.stdout.split('\n').filter((name) => name !== '' && name !== 'busybox');
  for (const applet of applets) {
    const path = join(root, 'usr/bin', applet);
    if (!existsSync(path)) await symlink('busybox', path).catch(ignoreExisting);
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

async function finishRoot(recipe: ImageRecipe, root: string): Promise<void> {
  for (const path of recipe.remove ?? []) await rm(join(root, path));
  for (const path of ['var/run', 'var/lock']) await rm(join(root, path), { recursive: true, force: true });
  for (const [path, mode] of Object.entries(recipe.directories ?? {})) {
    // In Debian /var/run is a link to /run: a directory of a layer must not hide it.
    const target = join(root, path.replace(/^\/var\/run\//, '/run/'));
    await mkdir(target, { recursive: true });
    await chmod(target, mode);
  }
  const own = join(recipesDirectory(), recipe.folder, 'root');
  if (existsSync(own)) await cp(own, root, { recursive: true, force: true });
}

async function copyInto(root: string, path: string, source: string): Promise<void> {
  const target = join(root, path);
  await mkdir(dirname(target), { recursive: true });
  await copyFile(source, target);
  await chmod(target, 0o755);
}

async function linkInto(root: string, { links = {} }: ImageRecipe): Promise<void> {
  for (const [path, target] of Object.entries(links)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await symlink(target, join(root, path));
  }
}

function settingsOf(recipe: ImageRecipe): ImageSettings {
  const keys = (names: readonly string[]): Record<string, Record<string, never>> => Object.fromEntries(names.map((name) => [name, {}]));
  return {
    Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...(recipe.environment ?? [])],
    ExposedPorts: keys(recipe.ports),
    Volumes: keys(recipe.volumes ?? []),
    ...(recipe.entrypoint === undefined ? {} : { Entrypoint: recipe.entrypoint }),
    ...(recipe.command === undefined ? {} : { Cmd: recipe.command }),
    ...(recipe.user === undefined ? {} : { User: recipe.user }),
  };
}

async function digestOf(layout: string): Promise<string> {
  // The index was written by writeLayout.
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')) as { manifests: { digest: string }[] };
  const digest = index.manifests[0]?.digest;
  if (digest === undefined) throw new Error(`No image in "${layout}"`);
  return digest;
}
