import { scopeFor, type Topology } from '../cluster/index.ts';
import { InvalidInputError, type InputProblem } from '../core/index.ts';
import { renderTemplate, type Scope } from '../manifests/index.ts';

export type Placement = Topology['placements'][number];

/** The values of a component on one of its hosts, with a text for every secret; or why they cannot be computed. */
export function scopeOf(topology: Topology, { component, host }: Pick<Placement, 'component' | 'host'>): Scope | InvalidInputError {
  try {
    return scopeFor(topology, host, { component: component.name, secrets: secretsOf(topology) });
  } catch (error) {
    if (error instanceof InvalidInputError) return error;
    throw error;
  }
}

/** Generated secrets, and those of the choices. */
function secretsOf({ components, options }: Topology): Readonly<Record<string, string>> {
  const names = [...components.flatMap(({ secrets }) => secrets), ...options.secrets].map(({ name }) => name);
  return Object.fromEntries(names.map((name) => [name, 'secret']));
}

/** The text with its placeholders filled in; or its mistakes. */
export function filled(text: string, scope: Scope): string | readonly InputProblem[] {
  try {
    return renderTemplate(text, scope, '');
  } catch (error) {
    if (error instanceof InvalidInputError) return error.problems;
    throw error;
  }
}
