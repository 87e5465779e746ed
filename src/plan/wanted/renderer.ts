import { scopeFor, type Placement } from '../../cluster/index.ts';
import { renderTemplate } from '../../manifests/index.ts';
import type { Declared } from '../declared.ts';

/** Fills in the placeholders of a component's text for one host. Secrets are not in its scope. */
export type Renderer = (text: string) => string;

export function rendererOf({ topology }: Pick<Declared, 'topology'>, { component, host }: Placement): Renderer {
  const scope = scopeFor(topology, host, { component: component.name });
  return (text) => renderTemplate(text, scope, `component ${component.name}`);
}
