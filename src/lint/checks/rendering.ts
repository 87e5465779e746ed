import { InvalidInputError, type InputProblem } from '../../core/index.ts';
import { textsIn, type Scope, type TextPlace } from '../../manifests/index.ts';
import type { TriedCluster, TriedClusters } from '../clusters.ts';
import { componentDocuments, type ComponentDocument } from '../component-documents.ts';
import { findingAt, type LintFinding } from '../finding.ts';
import { firstWithCluster, type ClusterFinding } from '../first-of-each.ts';
import { filled, scopeOf, type Placement } from '../scopes.ts';
import type { LintSubject } from '../subject.ts';

/**
 * Fills in every text and every template of each component on each of its hosts, as an install does, and reports those that
 * cannot be filled in. A mistake that several clusters have is reported with the first one.
 */
export function checkRendering(subject: LintSubject, { clusters, refusal }: TriedClusters): readonly LintFinding[] {
  const components = new Map(componentDocuments(subject).map((component) => [component.manifest.name, withTexts(component)]));
  const { platform } = subject.documents;
  if (clusters.length === 0 && refusal !== undefined && platform !== undefined) {
    const reason = `no cluster of every role can be declared: ${refusal.problems.map((problem) => problem.reason).join('; ')}`;
    return [findingAt(platform, ['name'], { check: 'rendering', level: 'warning', reason, remedy: 'look at minimum, maximum and needs' })];
  }
  const findings = clusters.flatMap((cluster) =>
    cluster.topology.placements.flatMap((placement) => {
      const component = components.get(placement.component.name);
      return component === undefined ? [] : findingsOf(component, placement, cluster);
    }),
  );
  return firstWithCluster(findings);
}

/** A component with the texts that have placeholders. */
interface RenderedComponent extends ComponentDocument {
  readonly texts: readonly TextPlace[];
  /** By name of the template. */
  readonly templates: readonly (readonly [string, string])[];
  /** Each placeholder of them once: filling in this text finds out fast whether there is a mistake at all. */
  readonly marks: string;
}

function withTexts({ manifest, loaded }: ComponentDocument): RenderedComponent {
  const { values: _values, ...rest } = manifest;
  const texts = textsIn(rest).filter(({ text }) => text.includes('${'));
  const templates = [...loaded.templates].filter(([, text]) => text.includes('${'));
  const all = [...texts.map(({ text }) => text), ...templates.map(([, text]) => text)];
  const marks = all.flatMap((text) => [...text.matchAll(/\$\$\{|\$\{[^}\n]*\}?/g)].map(([mark]) => mark));
  return { manifest, loaded, texts, templates, marks: [...new Set(marks)].join('\n') };
}

function findingsOf(component: RenderedComponent, placement: Placement, { topology, what }: TriedCluster): readonly ClusterFinding[] {
  const { loaded, texts, templates, marks } = component;
  const unplaced = (finding: LintFinding): ClusterFinding => ({ ...finding, cluster: what });
  const known = scopeOf(topology, placement);
  if (known instanceof InvalidInputError) {
    const path = ['values', /^value (\S+) of /.exec(known.file)?.[1] ?? ''];
    return known.problems.map((problem) => unplaced(findingAt(loaded, path, { ...CHECK, ...describe(problem) })));
  }
  const scope = { ...known, ...actionScope(placement.host) };
  if (problemsIn(marks, scope).length === 0) return [];
  const inTexts = texts.flatMap(({ path, text }) =>
    problemsIn(text, scope).map((problem) => unplaced(findingAt(loaded, path, { ...CHECK, ...describe(problem) }))),
  );
  const directory = loaded.document.file.replace(/component\.yaml$/, '');
  const inTemplates = templates.flatMap(([template, text]) =>
    problemsIn(text, scope).map(({ position, ...problem }) =>
      unplaced({ ...CHECK, ...describe(problem), file: `${directory}${template}`, ...(position === undefined ? {} : { position }) }),
    ),
  );
  return [...inTexts, ...inTemplates];
}

const CHECK = { check: 'rendering', level: 'error' } as const;

function describe({ reason }: InputProblem): { readonly reason: string; readonly remedy: string } {
  const first = /"\$\{first\.([^.}]+)\./.exec(reason)?.[1];
  if (first === undefined)
    return { reason, remedy: 'name a value that every cluster has, or leave the component out there by when or unless' };
  const remedy = `no host runs "${first}" there: write a list of values with each: ${first}, which is then empty, or leave the component out there by when or unless`;
  return { reason, remedy };
}

function problemsIn(text: string, scope: Scope): readonly InputProblem[] {
  const outcome = filled(text, scope);
  return typeof outcome === 'string' ? [] : outcome;
}

/** Names that texts of actions have besides; that no other text uses them was checked when the manifests were read. */
function actionScope({ name, address }: Placement['host']): Scope {
  return {
    runner: { name, address, urlAddress: address },
    action: { directory: '/action', file: '/action/file' },
    secretFile: { old: '/action/old', new: '/action/new' },
  };
}
