import { CaissonError, messageOf } from '../core/index.ts';
import { parseReferenceAsWritten, registryAsPath } from '../oci/index.ts';

/** Where images go: a registry, and a path in it that all repositories lie below. */
export interface Destination {
  /** host[:port] */
  readonly domain: string;
  /** Without slashes at its ends; empty for the top. */
  readonly prefix: string;
}

/** Reads host[:port][/prefix]. Throws USAGE. */
export function parseDestination(text: string): Destination {
  const refuse = (reason: string): CaissonError =>
    new CaissonError('USAGE', `Cannot push to "${text}": ${reason}`, { hint: 'Write it as registry.example.com:5000/project' });
  if (text.includes('://')) throw refuse('it has a scheme; https is used, and http on this machine');
  const bare = text.replace(/\/+$/, '');
  const [host = ''] = bare.split('/', 1);
  const isHost = host.includes('.') || host.includes(':') || host === 'localhost';
  if (!isHost) throw refuse(`"${host}" is not a host name with a dot or a port`);
  try {
    // A made-up last component lets the grammar of image names judge the rest.
    const { domain, repository } = parseReferenceAsWritten(`${bare}/x`);
    return { domain, prefix: repository.split('/').slice(0, -1).join('/') };
  } catch (error) {
    throw refuse(messageOf(error).replace(/^.*?: /, ''));
  }
}

/**
 * The repository that an image gets: its own path below the prefix, with the name of the registry that it came from before
 * it when `keepDomain` says so, spelled as the depot spells it.
 */
export function repositoryFor(name: string, destination: Destination, keepDomain: boolean): { repository: string; tag?: string } {
  const reference = parseReferenceAsWritten(name);
  const parts = [destination.prefix, ...(keepDomain ? [registryAsPath(reference.domain)] : []), reference.repository].filter(
    (part) => part !== '',
  );
  const repository = parts.join('/');
  // Throws when the whole has become too long.
  parseReferenceAsWritten(`${destination.domain}/${repository}`);
  return { repository, ...(reference.tag === undefined ? {} : { tag: reference.tag }) };
}
