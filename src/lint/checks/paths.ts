import { posix } from 'node:path';
import { isChosen, type Topology } from '../../cluster/index.ts';
import { InvalidInputError } from '../../core/index.ts';
import type { DocumentPath } from '../../io/index.ts';
import type { Scope } from '../../manifests/index.ts';
import type { TriedCluster } from '../clusters.ts';
import { componentDocuments, type ComponentDocument } from '../component-documents.ts';
import { findingAt, type LintFinding } from '../finding.ts';
import { firstWithCluster, type ClusterFinding } from '../first-of-each.ts';
import { filled, scopeOf } from '../scopes.ts';
import type { LintSubject } from '../subject.ts';

/** One path of a host, as one place of a component wants it. */
interface Claim {
  readonly component: ComponentDocument;
  /** Place in the document of the component. */
  readonly place: DocumentPath;
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'mount';
  /** The wish as text: two claims of one kind with the same text are one wish. */
  readonly wish: string;
}

/**
 * Paths that are wanted twice on one host, and not in the same way: the install would refuse them, or the later one would
 * replace the earlier. A mistake that several clusters have is reported with the first one. A path that cannot be filled in is
 * left to the check of texts.
 */
export function checkPaths(subject: LintSubject, clusters: readonly TriedCluster[]): readonly LintFinding[] {
  const components = new Map(componentDocuments(subject).map((component) => [component.manifest.name, component]));
  return firstWithCluster(clusters.flatMap((cluster) => clashesIn(cluster, components)));
}

function clashesIn({ topology, what }: TriedCluster, components: ReadonlyMap<string, ComponentDocument>): readonly ClusterFinding[] {
  const taken = new Map<string, Claim[]>();
  return topology.placements.flatMap((placement) => {
    const component = components.get(placement.component.name);
    const scope = scopeOf(topology, placement);
    if (component === undefined || scope instanceof InvalidInputError) return [];
    return claimsOf(component, scope, topology).flatMap((claim) => {
      const at = `${placement.host.name} ${claim.path}`;
      const others = taken.get(at) ?? [];
      taken.set(at, [...others, claim]);
      const other = others.find((earlier) => doClash(claim, earlier));
      return other === undefined ? [] : [{ ...clash(claim, other), cluster: what }];
    });
  });
}

/** A file system may be mounted on a directory. */
function doClash(left: Claim, right: Claim): boolean {
  if (left.kind !== right.kind) return left.kind === 'file' || right.kind === 'file';
  return left.wish !== right.wish;
}

function clash(claim: Claim, other: Claim): LintFinding {
  const { document } = other.component.loaded;
  const line = document.problemAt(other.place, '').position?.line;
  const where = line === undefined ? document.file : `${document.file}:${line}`;
  const whose = claim.component === other.component ? 'the component itself' : `"${other.component.manifest.name}"`;
  return findingAt(claim.component.loaded, claim.place, {
    check: 'paths',
    level: 'error',
    reason: `${claim.kind} "${claim.path}" is also wanted by ${whose} (${where}), and differently,`,
    remedy: 'use another path; or let one component have it, and the other need that component',
  });
}

function claimsOf(component: ComponentDocument, scope: Scope, { options: chosen }: Topology): readonly Claim[] {
  const { manifest, loaded } = component;
  const claims: Claim[] = [];
  const claim = (kind: Claim['kind'], place: DocumentPath, text: string, wish: readonly unknown[]): void => {
    const path = fill(text, scope);
    if (path !== undefined) claims.push({ component, place, path: posix.normalize(path), kind, wish: JSON.stringify(wish) });
  };
  for (const [index, { path, mode, owner, template }] of manifest.files.entries())
    claim('file', ['files', index, 'path'], path, [mode, owner, fill(loaded.templates.get(template) ?? '', scope)]);
  for (const [index, { path, mode, owner, image, file, member }] of manifest.artifacts.entries())
    claim('file', ['artifacts', index, 'path'], path, [mode, owner, image, file, member]);
  for (const [index, { name, directory, owner, authority, files }] of manifest.certificates.entries()) {
    const own = [manifest.name, name, owner];
    claim('file', ['certificates', index], posix.join(directory, files.certificate), [...own, 'certificate']);
    claim('file', ['certificates', index], posix.join(directory, files.key), [...own, 'key']);
    claim('file', ['certificates', index], posix.join(directory, files.authority), [authority, owner]);
  }
  for (const [index, { name, owner, ...paths }] of manifest.keyPairs.entries())
    for (const half of ['private', 'public'] as const) claim('file', ['keyPairs', index, half], paths[half], [name, owner, half]);
  for (const [index, { path, mode, owner }] of manifest.directories.entries())
    claim('directory', ['directories', index, 'path'], path, [mode, owner]);
  for (const [index, { when, path, what, type, options }] of manifest.mounts.entries())
    if (isChosen(when, chosen)) claim('mount', ['mounts', index, 'path'], path, [fill(what, scope), type, fill(options, scope)]);
  return claims;
}

/** Undefined for a text that cannot be filled in. */
function fill(text: string, scope: Scope): string | undefined {
  const outcome = filled(text, scope);
  return typeof outcome === 'string' ? outcome : undefined;
}
