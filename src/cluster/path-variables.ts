import type { Component } from '../manifests/index.ts';

/** The texts of a component that are paths on hosts. */
export type PathHolder = Pick<Component, 'files' | 'directories' | 'certificates' | 'services'>;

/** What decides which variables are parts of paths. */
export interface PathManifests {
  readonly platform: { readonly variables: Readonly<Record<string, string>>; readonly definitionsDirectory?: string };
  readonly components?: ReadonlyMap<string, PathHolder>;
}

/** How manifests use a variable in a path. */
export interface PathUse {
  /** A path begins with the variable, so that its value must be absolute. */
  readonly leading: boolean;
  /** Where, in words: `directories of "etcd"`. */
  readonly where: string;
}

interface PathText {
  readonly text: string;
  readonly where: string;
}

/**
 * The variables that manifests use as parts of paths, in the paths themselves or in other variables that are. `overrides`
 * are the values of cluster.yaml, which may refer to other variables than those of the platform do.
 */
export function pathVariables(manifests: PathManifests, overrides: Readonly<Record<string, unknown>> = {}): ReadonlyMap<string, PathUse> {
  const uses = new Map<string, PathUse>();
  const note = (text: string, where: string, absolute: boolean): void => {
    for (const { 1: name = '', index } of text.matchAll(/\$\{var\.([^}]+)\}/g)) {
      const leading = absolute && index === 0;
      const known = uses.get(name);
      if (known === undefined || (leading && !known.leading)) uses.set(name, { leading, where });
    }
  };
  for (const { text, where } of pathTexts(manifests)) note(text, where, true);
  // A variable may use those above it, so those below come first.
  for (const [name, text] of Object.entries(manifests.platform.variables).reverse()) {
    const use = uses.get(name);
    const value = overrides[name] ?? text;
    if (use !== undefined && typeof value === 'string') note(value, use.where, use.leading);
  }
  return uses;
}

function pathTexts({ platform, components = new Map() }: PathManifests): readonly PathText[] {
  const { definitionsDirectory } = platform;
  return [
    ...(definitionsDirectory === undefined ? [] : [{ text: definitionsDirectory, where: 'definitionsDirectory of the platform' }]),
    ...[...components].flatMap(([name, component]) => componentTexts(name, component)),
  ];
}

function componentTexts(name: string, { files, directories, certificates, services }: PathHolder): readonly PathText[] {
  const named = (what: string, texts: readonly string[]): readonly PathText[] =>
    texts.map((text) => ({ text, where: `${what} of "${name}"` }));
  return [
    ...named(
      'directories',
      directories.map(({ path }) => path),
    ),
    ...named(
      'files',
      files.map(({ path }) => path),
    ),
    ...named(
      'certificates',
      certificates.map(({ directory }) => directory),
    ),
    ...named(
      'mounts',
      services.flatMap(({ container }) => container?.mounts ?? []),
    ),
  ];
}

/** Mounts end a path at a colon, units and hooks at a space; shells read the others as their own. */
const FOREIGN = /[^A-Za-z0-9._/@+=,-]/u;

/** What is wrong with the value of a variable that is a part of paths, and what to write; undefined when nothing is. */
export function pathProblem(value: string, { leading, where }: PathUse): { readonly reason: string; readonly remedy: string } | undefined {
  const because = `and manifests make paths of it (${where})`;
  const text = value.replaceAll(/\$\{var\.[^}]+\}/g, (_, offset: number) => (offset === 0 ? '/x' : 'x'));
  if (text.split('/').includes('..')) return { reason: `has a ".." component, ${because}`, remedy: 'write the path out' };
  const foreign = FOREIGN.exec(text)?.[0];
  if (foreign !== undefined) {
    return {
      reason: `has the character ${JSON.stringify(foreign)}, ${because}`,
      remedy: 'use letters, digits and . _ / @ + = , - only: mounts, units and shells take other characters for their own',
    };
  }
  if (leading && !text.startsWith('/')) return { reason: `is not an absolute path, ${because}`, remedy: 'begin it with /' };
  return undefined;
}
