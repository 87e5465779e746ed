import { CaissonError, isDigest, type Digest } from '../core/index.ts';

/** A normalized image name: docker's short name nginx is domain docker.io, repository library/nginx, tag latest. */
export interface ImageReference {
  /** Canonical registry host with its port, if any. */
  readonly domain: string;
  /** Path on that registry. */
  readonly repository: string;
  /** Has no meaning when there is a digest. */
  readonly tag?: string;
  readonly digest?: Digest;
}

const DEFAULT_DOMAIN = 'docker.io';
const DEFAULT_DOMAIN_ALIASES: ReadonlySet<string> = new Set(['index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com']);

const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const DOMAIN = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]{1,5})?$`);
/** distribution-spec, Pulling manifests. */
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const NAME_LIMIT = 255;
/** Most characters of name, tag and digest together. */
const TEXT_LIMIT = 512;

/** Parses a reference and gives it the tag latest when it has neither tag nor digest. Throws REFERENCE_INVALID. */
export function parseReference(text: string): ImageReference {
  const reference = parseReferenceAsWritten(text);
  return reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: 'latest' } : reference;
}

/** Parses a reference without adding a tag. Throws REFERENCE_INVALID. */
export function parseReferenceAsWritten(text: string): ImageReference {
  const refuse = (reason: string, hint?: string): CaissonError =>
    new CaissonError(
      'REFERENCE_INVALID',
      `Cannot read image reference "${text.slice(0, TEXT_LIMIT)}": ${reason}`,
      hint === undefined ? {} : { hint },
    );

  if (text === '') throw refuse('it is empty');
  if (text.length > TEXT_LIMIT) throw refuse(`it is longer than ${TEXT_LIMIT} characters`);
  if (/\s/.test(text)) throw refuse('it has white space');
  if (text.includes('://')) throw refuse('it has a scheme', 'Write the name alone, such as registry.example.com/team/app:1.0');

  const { name, tag, digest } = splitReference(text);
  if (digest !== undefined && !isDigest(digest)) throw refuse(`its digest "${digest}" is not sha256: and 64 lower-case hex digits`);
  if (tag !== undefined && !TAG.test(tag)) throw refuse(`its tag "${tag}" is not up to 128 letters, digits, "_", "." and "-"`);

  const { domain, repository } = splitName(name);
  if (!DOMAIN.test(domain) || !URL.canParse(`https://${domain}`)) throw refuse(`its registry "${domain}" is not a host name or host:port`);
  const badComponent = repository.split('/').find((component) => !COMPONENT.test(component));
  if (badComponent !== undefined) throw refuse(describeComponent(badComponent), hintForComponent(repository));
  if (/^[0-9a-f]{64}$/.test(name)) throw refuse('64 hex digits are an image ID, not a name');
  if (domain.length + 1 + repository.length > NAME_LIMIT) throw refuse(`its name is longer than ${NAME_LIMIT} characters`);

  return { domain, repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** The full form, which parses to the same reference: docker.io/library/nginx:1.27@sha256:… */
export function formatReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${repositoryName(reference)}${tag}${digest}`;
}

/** The full name without tag and digest: docker.io/library/nginx. */
export function repositoryName(reference: ImageReference): string {
  return `${reference.domain}/${reference.repository}`;
}

/**
 * A registry as a part of the path of another one. Paths have no colons and brackets: a port stands behind a dash
 * (distribution-spec, Pulling manifests). Empty for an address without a letter or digit.
 */
export function registryAsPath(domain: string): string {
  return domain.replace(/[^a-z0-9.]+/g, '-').replace(/^-|-$/g, '');
}

/**
 * A full name, with or without tag, as clients write it behind the address of a registry that serves images of many
 * registries: harbor.example-8443/team/app:1 for harbor.example:8443/team/app:1.
 */
export function nameAsPath(name: string): string {
  const slash = name.indexOf('/');
  return slash < 0 ? name : `${registryAsPath(name.slice(0, slash))}${name.slice(slash)}`;
}

function splitReference(text: string): { name: string; tag?: string; digest?: string } {
  const at = text.indexOf('@');
  const digest = at < 0 ? {} : { digest: text.slice(at + 1) };
  const rest = at < 0 ? text : text.slice(0, at);
  const colon = rest.indexOf(':', rest.lastIndexOf('/') + 1);
  return colon < 0 ? { name: rest, ...digest } : { name: rest.slice(0, colon), tag: rest.slice(colon + 1), ...digest };
}

/** The first component is a registry when it has a dot or a colon or is localhost, as in every docker client. */
function splitName(name: string): { domain: string; repository: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isDomain = first.includes('.') || first.includes(':') || first === 'localhost';
  const written = isDomain ? first.toLowerCase() : DEFAULT_DOMAIN;
  const domain = DEFAULT_DOMAIN_ALIASES.has(written) ? DEFAULT_DOMAIN : written;
  const repository = isDomain ? name.slice(slash + 1) : name;
  return { domain, repository: domain === DEFAULT_DOMAIN && !repository.includes('/') ? `library/${repository}` : repository };
}

function describeComponent(component: string): string {
  if (component === '') return 'a part of its name is empty';
  return `"${component}" in its name is not lower-case letters and digits, separated by ".", "_", "__" or "-"`;
}

function hintForComponent(repository: string): string | undefined {
  return repository === repository.toLowerCase() ? undefined : 'Repository names are lower case';
}
