import type { Component } from '../manifests/index.ts';

/** The keys of a component that contain paths on hosts. */
export type PathHolder = Pick<Component, 'files' | 'directories' | 'certificates' | 'services'>;

/** The parts of the manifests that decide which variables are parts of paths. */
export interface PathManifests {
  readonly platform: { readonly variables: Readonly<Record<string, string>>; readonly definitionsDirectory?: string };
  readonly components?: ReadonlyMap<string, PathHolder>;
}

/** The use of a variable in a path. */
export interface PathUse {
  /** True when a path starts with the variable, so that its value must be absolute. */
  readonly leading: boolean;
  /** Description of the place for messages: `directories of "etcd"`. */
  readonly where: string;
}

interface PathText {
  readonly text: string;
  readonly where: string;
}

/**
 * Returns the variables that manifests use as parts of paths, in the paths themselves or in other such variables.
 * `overrides` are the values of cluster.yaml, which may refer to other variables than those of the platform.
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
  // A variable may refer to those above it, so the loop starts at the bottom: a use is then known before the variable
  // itself is reached.
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

/** Characters that break a path: mounts end it at a colon, units and hooks at a space, and shells interpret the others. */
const FOREIGN = /[^A-Za-z0-9._/@+=,-]/u;

/**
 * Checks the value of a variable that is a part of paths. Returns the problem and its remedy, or undefined for a good
 * value.
 */
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
