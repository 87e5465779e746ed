import { digestOfAll, OWNERS, type Content, type DefinitionSpec, type PlacedFile, type ResourceOf } from '../../resources/index.ts';

/** Host and owner of a resource. */
export interface At {
  readonly host: string;
  readonly owner: string;
}

/** Digest of content, mode and owner; undefined while the content has not been made. */
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

/** The key by which the seed logs in to a host as `user`. */
export function loginKeyResource(host: string, user: string, line: Content): ResourceOf<'login-key'> {
  return { host, owner: OWNERS.login, kind: 'login-key', key: user, digest: line.digest, spec: { line } };
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
