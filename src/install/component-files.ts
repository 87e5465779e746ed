import { posix } from 'node:path';
import { scopeFor, type Placement } from '../cluster/index.ts';
import { renderData, renderTemplate, type ComponentService } from '../manifests/index.ts';
import type { InstallContext } from './context.ts';
import type { ManagedDirectory, ManagedFile } from './managed-files.ts';
import type { CertificateSubject } from './site-authority.ts';

/** The directories of a component on a host, with those of its files' certificates. */
export function componentDirectories(context: InstallContext, { component, host }: Placement): readonly ManagedDirectory[] {
  const scope = scopeFor(context.topology, host, { component: component.name });
  const where = `component ${component.name}`;
  return component.directories.map(({ path, mode, owner }) => ({ path: renderTemplate(path, scope, where), mode: parseMode(mode), owner }));
}

/** The services of a component on a host, with their templates filled in. No secret can get in here. */
export function componentServices(context: InstallContext, { component, host }: Placement): readonly ComponentService[] {
  const scope = scopeFor(context.topology, host, { component: component.name });
  return component.services.map((service) => renderData(service, scope, `service ${service.name} of ${component.name}`));
}

/**
 * Every file of a component on a host. With `peek` nothing is made: undefined when a secret or certificate that it needs
 * does not exist yet. With `obtain` what is missing is made and kept on the seed.
 */
export async function componentFiles(
  context: InstallContext,
  placement: Placement,
  how: 'peek' | 'obtain',
): Promise<readonly ManagedFile[] | undefined> {
  const secrets = await componentSecrets(context, placement, how);
  const certificates = await certificateFiles(context, placement, how);
  if (secrets === undefined || certificates === undefined) return undefined;
  const { component, host } = placement;
  const scope = scopeFor(context.topology, host, { component: component.name, secrets });
  const files = component.files.map(({ path, mode, owner, template }) => ({
    path: renderTemplate(path, scope, `component ${component.name}`),
    mode: parseMode(mode),
    owner,
    content: renderTemplate(component.templateText(template), scope, `components/${component.name}/${template}`),
  }));
  return [...files, ...certificates];
}

async function componentSecrets(
  context: InstallContext,
  { component }: Placement,
  how: 'peek' | 'obtain',
): Promise<Record<string, string> | undefined> {
  const secrets: Record<string, string> = {};
  for (const { name, length } of component.secrets) {
    const secret = how === 'peek' ? await context.secrets.peek(name) : await context.secrets.obtain(name, length);
    if (secret === undefined) return undefined;
    secrets[name] = secret;
  }
  return secrets;
}

async function certificateFiles(
  context: InstallContext,
  { component, host }: Placement,
  how: 'peek' | 'obtain',
): Promise<readonly ManagedFile[] | undefined> {
  const scope = scopeFor(context.topology, host, { component: component.name });
  const issuer = await context.authority.peekAuthority();
  const files: ManagedFile[] = [];
  for (const { name, directory, hosts, owner } of component.certificates) {
    const where = `certificate ${name} of ${component.name}`;
    const subject = subjectOf(hosts.map((text) => renderTemplate(text, scope, where)));
    const pair = await context.authority[how](`${component.name}-${name}-${host.name}`, subject);
    if (pair === undefined || issuer === undefined) return undefined;
    const target = renderTemplate(directory, scope, where);
    files.push(
      { path: posix.join(target, 'tls.crt'), content: pair.certificate, mode: 0o644, owner },
      { path: posix.join(target, 'tls.key'), content: pair.key, mode: 0o600, owner },
      { path: posix.join(target, 'ca.crt'), content: issuer, mode: 0o644, owner },
    );
  }
  return files;
}

function subjectOf(hosts: readonly string[]): CertificateSubject {
  const isAddress = (text: string): boolean => text.includes(':') || /^\d+\.\d+\.\d+\.\d+$/.test(text);
  return {
    commonName: hosts[0] ?? '',
    dnsNames: hosts.filter((text) => !isAddress(text)),
    addresses: hosts.filter(isAddress),
    usages: 'both',
  };
}

function parseMode(text: string): number {
  return Number.parseInt(text, 8);
}
