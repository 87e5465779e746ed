import type * as z from 'zod';
import { InvalidInputError } from '../core/index.ts';
import { checkSchema, MAX_YAML_BYTES, readLimited, readYaml, type FileTree } from '../io/index.ts';
import { checkManifests } from './check-manifests.ts';
import { componentSchema, type Component } from './component.ts';
import type { LoadedDocument, LoadedManifests } from './loaded-manifests.ts';
import { ProblemCollector } from './invalid-manifests-error.ts';
import { operatingSystemSchema, type OperatingSystem } from './operating-system.ts';
import { platformSchema, type PlatformManifest } from './platform.ts';
import { roleSchema, type Role } from './role.ts';

/** Most bytes of a template. Templates are configuration files, which are small. */
const MAX_TEMPLATE_BYTES = 1024 * 1024;

/** A component together with the text of its templates. */
export interface ComponentManifest extends Component {
  /** Returns the text of a template that `files` of component.yaml names. */
  templateText(template: string): string;
}

/** All manifests of a platform, parsed and checked. */
export interface Manifests {
  readonly platform: PlatformManifest;
  readonly roles: ReadonlyMap<string, Role>;
  readonly components: ReadonlyMap<string, ComponentManifest>;
  readonly operatingSystems: readonly OperatingSystem[];
}

/** Manifests together with the documents that they come from, which know where everything stands. */
export interface ManifestDocuments {
  readonly manifests: Manifests;
  readonly documents: LoadedManifests;
}

/**
 * Reads platform.yaml, roles/*.yaml, components/NAME/component.yaml with its templates, and os/*.yaml of a tree rooted
 * at manifests/. Throws InvalidManifestsError with every mistake of every file: values that the schemas refuse,
 * references to unknown names, circles of needs, missing files, placeholders that cannot be filled in. `root` names the
 * tree in errors.
 */
export async function loadManifests(tree: FileTree, options: { readonly root?: string } = {}): Promise<Manifests> {
  return (await loadDocuments(tree, options)).manifests;
}

/** Reads what loadManifests reads, and throws what it throws. */
export async function loadDocuments(tree: FileTree, options: { readonly root?: string } = {}): Promise<ManifestDocuments> {
  const loader = new Loader(tree, options.root ?? 'manifests');
  const loaded = await loader.load();
  await checkManifests(loaded, loader.problems);
  loader.problems.throwIfAny();
  return { manifests: assemble(loaded), documents: loaded };
}

class Loader {
  readonly problems = new ProblemCollector();
  readonly #tree: FileTree;
  readonly #root: string;

  constructor(tree: FileTree, root: string) {
    this.#tree = tree;
    this.#root = root;
  }

  async load(): Promise<LoadedManifests> {
    const platform = await this.#document('platform.yaml', platformSchema);
    if (platform === undefined)
      this.problems.add(this.#label('platform.yaml'), { reason: 'is missing', remedy: 'every platform needs one' });
    return {
      platform,
      roles: await this.#folder('roles', roleSchema),
      components: await this.#components(),
      operatingSystems: await this.#folder('os', operatingSystemSchema),
      exists: async (path) => (await this.#tree.stat(path)) !== undefined,
    };
  }

  async #folder<T>(directory: string, schema: z.ZodType<T>): Promise<LoadedDocument<T>[]> {
    const loaded: LoadedDocument<T>[] = [];
    for (const name of await this.#names(directory)) {
      if (name.endsWith('.yml')) {
        this.problems.add(this.#label(`${directory}/${name}`), { reason: 'is not read', remedy: 'let its name end in .yaml' });
      }
      if (!name.endsWith('.yaml')) continue;
      const document = await this.#document(`${directory}/${name}`, schema);
      if (document !== undefined) loaded.push(document);
    }
    return loaded;
  }

  /** Hidden files are no documents: editors and file managers leave such beside those that they are named for. */
  async #names(directory: string): Promise<readonly string[]> {
    return (await this.#tree.list(directory)).filter((name) => !name.startsWith('.'));
  }

  async #components(): Promise<LoadedManifests['components']> {
    const loaded: (LoadedDocument<Component> & { templates: ReadonlyMap<string, string> })[] = [];
    for (const name of await this.#names('components')) {
      if (!name.endsWith('/')) continue;
      const path = `components/${name}component.yaml`;
      const document = await this.#document(path, componentSchema);
      if (document === undefined)
        this.problems.add(this.#label(path), { reason: 'is missing', remedy: `remove components/${name} or write it` });
      else loaded.push({ ...document, templates: await this.#templates(document, name) });
    }
    return loaded;
  }

  async #templates({ document, value }: LoadedDocument<Component>, directory: string): Promise<ReadonlyMap<string, string>> {
    const templates = new Map<string, string>();
    for (const [index, file] of (value?.files ?? []).entries()) {
      const text = await this.#text(`components/${directory}${file.template}`, MAX_TEMPLATE_BYTES);
      if (text !== undefined) templates.set(file.template, text);
      else
        this.problems.add(
          document.file,
          document.problemAt(['files', index, 'template'], `there is no file "${file.template}" beside this document`),
        );
    }
    return templates;
  }

  async #document<T>(path: string, schema: z.ZodType<T>): Promise<LoadedDocument<T> | undefined> {
    const text = await this.#text(path, MAX_YAML_BYTES);
    if (text === undefined) return undefined;
    const file = this.#label(path);
    try {
      const document = readYaml(text, file);
      const { value, problems } = checkSchema(document, schema);
      this.problems.add(file, ...document.problems, ...problems);
      return { path, document, value };
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      this.problems.add(file, ...error.problems);
      return { path, document: readYaml('', file), value: undefined };
    }
  }

  async #text(path: string, limit: number): Promise<string | undefined> {
    if ((await this.#tree.stat(path)) === undefined) return undefined;
    const bytes = await readLimited(await this.#tree.open(path), limit, `"${this.#label(path)}"`);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      this.problems.add(this.#label(path), { reason: 'is not UTF-8 text', remedy: 'save it as UTF-8' });
      return '';
    }
  }

  #label(path: string): string {
    return this.#root === '' ? path : `${this.#root}/${path}`;
  }
}

function assemble(loaded: LoadedManifests): Manifests {
  const platform = loaded.platform?.value;
  if (platform === undefined) throw new Error('manifests without a platform passed the checks');
  return {
    platform,
    roles: byName(loaded.roles.flatMap(({ value }) => value ?? [])),
    components: byName(loaded.components.flatMap(({ value, templates }) => (value === undefined ? [] : withTemplates(value, templates)))),
    operatingSystems: loaded.operatingSystems.flatMap(({ value }) => value ?? []),
  };
}

function withTemplates(component: Component, templates: ReadonlyMap<string, string>): ComponentManifest {
  return {
    ...component,
    templateText: (template) => {
      const text = templates.get(template);
      if (text === undefined) throw new Error(`component ${component.name} has no template ${template}`);
      return text;
    },
  };
}

function byName<T extends { readonly name: string }>(items: readonly T[]): ReadonlyMap<string, T> {
  return new Map(items.map((item) => [item.name, item]));
}
