import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask } from './ask.ts';

/** A repository of real packages, made and signed with the tools of rpm. */
export interface RpmVendor {
  /** The directory with repodata. */
  readonly repository: string;
  /** Armored. */
  readonly publicKey: Buffer;
  /** The file of a package. */
  readonly fileOf: (name: string) => string;
}

/** The lines of a subpackage in a spec file, besides its summary. */
export interface SpecPackage {
  readonly name: string;
  readonly lines?: readonly string[];
  readonly files?: readonly string[];
}

export interface VendorOptions {
  /** Names of packages that are left without a signature. */
  readonly unsigned?: readonly string[];
  /** False for a repository that signs nothing but its packages. */
  readonly signsMetadata?: boolean;
}

/** Builds all packages in one run of rpmbuild, signs them with a new RSA key, and makes their repository with createrepo_c. */
export async function makeRpmVendor(
  directory: string,
  packages: readonly SpecPackage[],
  { unsigned = [], signsMetadata = true }: VendorOptions = {},
): Promise<RpmVendor> {
  const home = join(directory, 'gnupg');
  mkdirSync(home, { mode: 0o700, recursive: true });
  const gpg = ['--homedir', home, '--batch', '--pinentry-mode', 'loopback', '--passphrase', ''];
  await ask(directory, 'gpg', ...gpg, '--quick-gen-key', 'vendor@example.com', 'rsa2048', 'sign', 'never');
  const { stdout: publicKey } = await ask(directory, 'gpg', ...gpg, '--armor', '--export', 'vendor@example.com');
  const spec = join(directory, 'all.spec');
  writeFileSync(spec, specOf(packages));
  await ask(directory, 'rpmbuild', '-bb', '--define', `_topdir ${join(directory, 'top')}`, '--define', '_build_id_links none', spec);
  const repository = join(directory, 'repository');
  mkdirSync(repository);
  const built = readdirSync(join(directory, 'top/RPMS/noarch'));
  for (const file of built) await ask(directory, 'cp', join(directory, 'top/RPMS/noarch', file), repository);
  const fileOf = (name: string): string => {
    const file = built.find((one) => one.startsWith(`${name}-1.0-1`));
    if (file === undefined) throw new Error(`no package ${name} was built`);
    return join(repository, file);
  };
  const sign = `%{__gpg} gpg --homedir ${home} --no-armor --batch --pinentry-mode loopback --passphrase "" --digest-algo sha256 -u vendor@example.com -sbo %{__signature_filename} %{__plaintext_filename}`;
  const signed = packages.map(({ name }) => name).filter((name) => !unsigned.includes(name));
  await ask(
    directory,
    'rpmsign',
    '--define',
    '__gpg /usr/bin/gpg',
    '--define',
    '_gpg_name vendor@example.com',
    '--define',
    `__gpg_sign_cmd ${sign}`,
    '--addsign',
    ...signed.map(fileOf),
  );
  await ask(directory, 'createrepo_c', '--no-database', repository);
  if (signsMetadata) await ask(directory, 'gpg', ...gpg, '--armor', '--detach-sign', join(repository, 'repodata/repomd.xml'));
  return { repository, publicKey: Buffer.from(publicKey), fileOf };
}

function specOf(packages: readonly SpecPackage[]): string {
  const head = ['Name: all', 'Version: 1.0', 'Release: 1', 'Summary: none', 'License: MIT', 'BuildArch: noarch', '%description', 'none'];
  const parts = packages.flatMap(({ name, lines = [] }) => [
    `%package -n ${name}`,
    `Summary: ${name}`,
    ...lines,
    `%description -n ${name}`,
    `The ${name} & its <parts>`,
  ]);
  const make = packages.flatMap(({ files = [] }) =>
    files.flatMap((file) => [`mkdir -p $(dirname %{buildroot}${file})`, `echo ${file} > %{buildroot}${file}`]),
  );
  const lists = packages.flatMap(({ name, files = [] }) => [`%files -n ${name}`, ...files]);
  return [...head, ...parts, '%install', 'mkdir -p %{buildroot}', ...make, ...lists, ''].join('\n');
}
