import { digestOfAll, type DefinitionSpec, type PlacedFile, type ResourceOf } from '../../resources/index.ts';

/** Where a resource is wanted, and whose it is. */
export interface At {
  readonly host: string;
  readonly owner: string;
}

/** A digest of content and attributes; undefined while the content has yet to be made. */
function digestOfFile({ content, mode, owner }: PlacedFile) {
  return content.digest === undefined ? undefined : digestOfAll([content.digest, mode, owner]);
}

export function fileResource(at: At, file: PlacedFile): ResourceOf<'file'> {
  const { path, ...spec } = file;
  return { ...at, kind: 'file', key: path, digest: digestOfFile(file), spec };
}

export function certificateResource(at: At, name: string, files: readonly PlacedFile[]): ResourceOf<'certificate'> {
  return { ...at, kind: 'certificate', key: name, digest: digestOfFiles(files), spec: { files } };
}

export function keyPairResource(at: At, name: string, files: readonly PlacedFile[]): ResourceOf<'keypair'> {
  return { ...at, kind: 'keypair', key: name, digest: digestOfFiles(files), spec: { files } };
}

export function directoryResource(at: At, path: string, spec: ResourceOf<'directory'>['spec']): ResourceOf<'directory'> {
  return { ...at, kind: 'directory', key: path, digest: digestOfAll([spec.mode, spec.owner]), spec };
}

export function definitionResource(at: At, path: string, spec: DefinitionSpec): ResourceOf<'definition'> {
  return { ...at, kind: 'definition', key: path, digest: digestOfFile({ path, ...spec }), spec };
}

function digestOfFiles(files: readonly PlacedFile[]) {
  const digests = files.map(digestOfFile);
  return digests.includes(undefined) ? undefined : digestOfAll(digests);
}
