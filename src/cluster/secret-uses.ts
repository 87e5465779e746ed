import type { ComponentManifest } from '../manifests/index.ts';
import type { Topology } from './topology.ts';

/** A component of the cluster whose files have a secret in them. */
export interface SecretUse {
  readonly component: ComponentManifest;
  /** Names of the hosts that run it. */
  readonly hosts: readonly string[];
}

/** Components of the cluster whose templates name a secret of a component or of an option, in the order of needs. */
export function secretUses({ components, hostsOf }: Topology, secret: string): readonly SecretUse[] {
  return components
    .filter((component) => namesSecret(component, secret))
    .map((component) => ({ component, hosts: hostsOf(component.name).map(({ name }) => name) }));
}

/** The generated secrets that the templates of a component name, its own and those of other components of the cluster. */
export function usedSecrets({ components }: Topology, component: ComponentManifest): ComponentManifest['secrets'] {
  return components.flatMap(({ secrets }) => secrets).filter(({ name }) => namesSecret(component, name));
}

/** The component of the cluster that declares a generated secret. */
export function ownerOfSecret({ components }: Topology, secret: string): ComponentManifest | undefined {
  return components.find(({ secrets }) => secrets.some(({ name }) => name === secret));
}

function namesSecret(component: ComponentManifest, secret: string): boolean {
  return component.files.some(({ template }) => component.templateText(template).includes(`\${secret.${secret}}`));
}
