import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { generateRepositoryKey } from '../../src/ospkg/index.ts';
import { signDetached } from '../../src/ospkg/rpm/sign-repo.ts';

const VENDOR = 'Vendor <vendor@example.com>';

/** A package to build, for all architectures. It has one file, /opt/NAME-VERSION. */
export interface RpmSpec {
  readonly name: string;
  readonly version: string;
  /** Lines of the spec file, such as `Requires: lib >= 2`. */
  readonly lines?: readonly string[];
  /** False for a package without a signature. */
  readonly isSigned?: boolean;
}

/** The packages that rpmbuild made of specifications, signed by a vendor, and what makes repositories of them. */
export interface RpmWorkshop {
  /** The vendor's public key, armored. */
  readonly vendorKey: string;
  /** The public key of the site, armored. */
  readonly siteKey: string;
  /** Path of the file of a package. */
  file(name: string, version: string): string;
  /** Makes a repository of some packages, as `name-version`, with metadata that the site's key signs, in place of the one there. */
  publish(directory: string, packages: readonly string[]): Promise<void>;
  /** Has the vendor sign the metadata of a repository, in place of the site. */
  signAsVendor(directory: string): Promise<void>;
}

/** Builds packages with rpmbuild and signs them with rpmsign. Throws when one of the tools is missing or refuses. */
export async function rpmWorkshop(directory: string, specs: readonly RpmSpec[]): Promise<RpmWorkshop> {
  const run = runner(directory);
  for (const path of ['gnupg', 'SPECS']) mkdirSync(join(directory, path), { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, '.rpmmacros'), macros(directory));
  await run('gpg', '--batch', '--quiet', '--passphrase', '', '--quick-generate-key', VENDOR, 'rsa2048', 'sign', 'never');
  const site = await generateRepositoryKey({ userId: 'Site', date: new Date(Date.now() - 86_400_000) });
  const file = (name: string, version: string): string => join(directory, 'RPMS/noarch', `${name}-${version}-1.noarch.rpm`);
  for (const spec of specs) writeFileSync(specFile(directory, spec), specText(spec));
  await run('rpmbuild', '--quiet', '-bb', ...specs.map((spec) => specFile(directory, spec)));
  const signed = specs.filter(({ isSigned = true }) => isSigned);
  await run('rpmsign', '--addsign', ...signed.map(({ name, version }) => file(name, version)));
  return {
    vendorKey: await run('gpg', '--armor', '--export', VENDOR),
    siteKey: site.publicKey,
    file,
    publish: async (target, packages) => {
      await rm(target, { recursive: true, force: true });
      await mkdir(target, { recursive: true });
      for (const one of packages)
        await copyFile(join(directory, 'RPMS/noarch', `${one}-1.noarch.rpm`), join(target, `${one}-1.noarch.rpm`));
      await run('createrepo_c', '--quiet', '--no-database', target);
      const repomd = join(target, 'repodata/repomd.xml');
      writeFileSync(`${repomd}.asc`, await signDetached(await readFile(repomd), site.privateKey, new Date()));
    },
    signAsVendor: async (target) => {
      const repomd = join(target, 'repodata/repomd.xml');
      await run('gpg', '--batch', '--yes', '--armor', '--output', `${repomd}.asc`, '--detach-sign', repomd);
    },
  };
}

function runner(directory: string) {
  const env = { ...process.env, HOME: directory, GNUPGHOME: join(directory, 'gnupg'), LC_ALL: 'C.UTF-8' };
  return async (program: string, ...words: readonly string[]): Promise<string> => {
    try {
      return (await promisify(execFile)(program, words, { env, maxBuffer: 16 << 20 })).stdout;
    } catch (cause) {
      throw new Error(`This test needs ${program}: ${String(cause)}`, { cause });
    }
  };
}

/** Debian's rpm has another name for gpg, and asks for the passphrase of a key in a terminal. */
function macros(directory: string): string {
  const sign =
    '%{__gpg} gpg --no-verbose --no-armor --batch --pinentry-mode loopback --passphrase "" --digest-algo sha256 -u "%{_gpg_name}" -sbo %{__signature_filename} %{__plaintext_filename}';
  return `%_topdir ${directory}\n%__gpg /usr/bin/gpg\n%_gpg_name Vendor\n%_gpg_path ${join(directory, 'gnupg')}\n%__gpg_sign_cmd ${sign}\n`;
}

function specFile(directory: string, { name, version }: RpmSpec): string {
  return join(directory, 'SPECS', `${name}-${version}.spec`);
}

function specText({ name, version, lines = [] }: RpmSpec): string {
  return `Name: ${name}
Version: ${version}
Release: 1
Summary: A package of a test
License: none
BuildArch: noarch
${lines.join('\n')}

%description
A package of a test.

%install
mkdir -p %{buildroot}/opt
echo ${name} > %{buildroot}/opt/${name}-${version}

%files
/opt/${name}-${version}
`;
}

/**
 * Programs `dnf` and `rpm` that work on a root directory of their own, as a host would on `/`. Returns the directory of the
 * programs.
 */
export async function rpmRoot(directory: string): Promise<{ readonly programs: string; readonly root: string }> {
  const [programs, root] = [join(directory, 'programs'), join(directory, 'root')];
  await mkdir(programs);
  await mkdir(root);
  const program = (text: string): string => `#!/bin/sh\nexec ${text} "$@"\n`;
  writeFileSync(join(programs, 'dnf'), program(`/usr/bin/dnf --installroot=${root} --releasever=9`), { mode: 0o755 });
  writeFileSync(join(programs, 'rpm'), program(`/usr/bin/rpm --root ${root}`), { mode: 0o755 });
  await readFile('/usr/bin/dnf').catch((cause: unknown) => {
    throw new Error('This test needs dnf (package dnf)', { cause });
  });
  return { programs, root };
}
