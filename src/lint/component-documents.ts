import type { ComponentManifest, LoadedManifests } from '../manifests/index.ts';
import type { LintSubject } from './subject.ts';

/** A component with the document that it comes from. */
export interface ComponentDocument {
  readonly manifest: ComponentManifest;
  readonly loaded: LoadedManifests['components'][number];
}

/** All components, in the order of their names. */
export function componentDocuments({ manifests, documents }: Pick<LintSubject, 'manifests' | 'documents'>): readonly ComponentDocument[] {
  return documents.components.flatMap((loaded) => {
    const manifest = loaded.value === undefined ? undefined : manifests.components.get(loaded.value.name);
    return manifest === undefined ? [] : [{ manifest, loaded }];
  });
}
