import { posix } from 'node:path';
import { scopeFor, usedSecrets, type Placement } from '../../cluster/index.ts';
import { digestOf, type Digest } from '../../core/index.ts';
import { isAddress, renderTemplate, type ComponentCertificate } from '../../manifests/index.ts';
import { digestOfAll, fixedContent, type Content, type PlacedFile } from '../../resources/index.ts';
import type { Declared } from '../declared.ts';
import { fileAddress } from './images.ts';
import type { Renderer } from './renderer.ts';

/** Reaction of a component's services when one of its files changes. */
export type OnChange = 'restart' | 'reload' | 'nothing';

/** Files that are one resource, such as a certificate with its key. */
export interface FileGroup {
  readonly name: string;
  readonly onChange: OnChange;
  readonly files: readonly PlacedFile[];
}

/** All files of a component on one host. */
export interface ComponentFiles {
  readonly files: readonly { readonly onChange: OnChange; readonly file: PlacedFile }[];
  readonly certificates: readonly FileGroup[];
  readonly keyPairs: readonly FileGroup[];
  /** Files that are copied out of images or come from files.txt. Their content is not read here: `release` stands for it in digests. */
  readonly artifacts: readonly { readonly onChange: OnChange; readonly path: string; readonly release: Digest }[];
}

export async function componentFiles(declared: Declared, placement: Placement, render: Renderer): Promise<ComponentFiles> {
  return {
    files: await templateFiles(declared, placement, render),
    certificates: await certificates(declared, placement, render),
    keyPairs: await keyPairs(declared, placement, render),
    artifacts: placement.component.artifacts.map(({ onChange, path, image, file, member = '' }) => ({
      onChange,
      path: render(path),
      // Another version of an image starts the whole component again; a file has no other trace in its services.
      release: digestOfAll([image ?? fileAddress(declared, file ?? '').digest, member]),
    })),
  };
}

async function templateFiles(declared: Declared, { component, host }: Placement, render: Renderer): Promise<ComponentFiles['files']> {
  const { keys } = declared.seed;
  const made = usedSecrets(declared.topology, component).map(async ({ name, length }) => ({ name, text: await keys.secret(name, length) }));
  const given = declared.topology.options.secrets.map(async ({ name, path }) => ({ name, text: await keys.fileSecret(path) }));
  const texts = await Promise.all([...made, ...given]);
  return Promise.all(
    component.files.map(async ({ path, mode, owner, template, onChange }) => {
      const text = component.templateText(template);
      const where = `components/${component.name}/${template}`;
      const fill = (secrets: Readonly<Record<string, string>>): string =>
        renderTemplate(text, scopeFor(declared.topology, host, { component: component.name, secrets }), where);
      // Only templates that use a secret wait until it is made.
      const content = await templateContent(
        texts.filter(({ name }) => text.includes(`\${secret.${name}}`)),
        fill,
      );
      return { onChange, file: { path: render(path), mode: Number.parseInt(mode, 8), owner, content } };
    }),
  );
}

interface SecretText {
  readonly name: string;
  readonly text: { readonly digest: Digest | undefined; read(): Promise<string> };
}

/**
 * Content of a template. Its digest is known when every secret in it exists; otherwise the template is filled in when
 * the file is written.
 */
async function templateContent(
  secrets: readonly SecretText[],
  fill: (secrets: Readonly<Record<string, string>>) => string,
): Promise<Content> {
  const read = async (): Promise<string> =>
    fill(
      Object.fromEntries(await Promise.all(secrets.map(async ({ name, text }): Promise<[string, string]> => [name, await text.read()]))),
    );
  return secrets.every(({ text }) => text.digest !== undefined) ? fixedContent(await read()) : { digest: undefined, read };
}

async function certificates(declared: Declared, placement: Placement, render: Renderer): Promise<readonly FileGroup[]> {
  const { keys } = declared.seed;
  const { component, host } = placement;
  return Promise.all(
    component.certificates.map(async (certificate): Promise<FileGroup> => {
      const { name, directory, authority, owner, files, onChange } = certificate;
      const pair = await keys.certificate(`${component.name}-${name}-${host.name}`, authority, subjectOf(certificate, render));
      const at = (file: string): string => posix.join(render(directory), file);
      return {
        name,
        onChange,
        files: [
          { path: at(files.certificate), mode: 0o644, owner, content: pair.certificate },
          { path: at(files.key), mode: 0o600, owner, content: pair.key },
          { path: at(files.authority), mode: 0o644, owner, content: await keys.authority(authority) },
        ],
      };
    }),
  );
}

function subjectOf({ commonName, organizations, hosts, usages }: ComponentCertificate, render: Renderer) {
  // An option that was not chosen leaves a text empty.
  const names = hosts.map(render).filter((text) => text !== '');
  return {
    commonName: commonName === undefined ? (names[0] ?? '') : render(commonName),
    organizations: organizations.map(render),
    dnsNames: names.filter((text) => !isAddress(text)),
    addresses: names.filter(isAddress),
    usages,
  };
}

async function keyPairs(declared: Declared, { component }: Placement, render: Renderer): Promise<readonly FileGroup[]> {
  return Promise.all(
    component.keyPairs.map(async ({ name, owner, onChange, ...paths }): Promise<FileGroup> => {
      const pair = await declared.seed.keys.keyPair(name);
      return {
        name,
        onChange,
        files: [
          { path: render(paths.private), mode: 0o600, owner, content: pair.private },
          { path: render(paths.public), mode: 0o644, owner, content: pair.public },
        ],
      };
    }),
  );
}

function filesFor({ files, certificates: certs, keyPairs: pairs }: ComponentFiles, what: OnChange): readonly PlacedFile[] {
  return [
    ...files.filter(({ onChange }) => onChange === what).map(({ file }) => file),
    ...[...certs, ...pairs].filter(({ onChange }) => onChange === what).flatMap((group) => group.files),
  ];
}

/** Paths of the files whose change has the given effect. */
export function onChangePaths(files: ComponentFiles, what: OnChange): readonly string[] {
  const artifacts = files.artifacts.filter(({ onChange }) => onChange === what).map(({ path }) => path);
  return [...filesFor(files, what).map(({ path }) => path), ...artifacts];
}

/** One digest over all files whose change has the given effect. Independent of their order. */
export interface FilesDigest {
  readonly digest: Digest | undefined;
  read(): Promise<Digest>;
}

export function filesDigest(files: ComponentFiles, what: OnChange): FilesDigest {
  const placed = filesFor(files, what);
  const artifacts = files.artifacts.filter(({ onChange }) => onChange === what).map(({ path, release }) => `${release}  ${path}`);
  const join = (lines: readonly string[]): Digest => digestOf([...lines, ...artifacts].sort().join('\n'));
  const known = placed.map(({ path, content }) => (content.digest === undefined ? undefined : `${content.digest}  ${path}`));
  const lines = known.flatMap((line) => line ?? []);
  return {
    digest: lines.length === placed.length ? join(lines) : undefined,
    read: async () => join(await Promise.all(placed.map(async ({ path, content }) => `${digestOf(await content.read())}  ${path}`))),
  };
}
