import { createReadStream } from 'node:fs';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { CaissonError, formatPlatform, type Clock, type Digest, type Emit } from '../core/index.ts';
import { HttpClient } from '../net/index.ts';
import type { ImageSource } from '../oci/index.ts';
import type { FetchFile } from '../ospkg/index.ts';
import { loadDockerCredentials, type RunCredentialHelper } from '../registry/index.ts';
import { openImageSource } from '../sources/index.ts';
import type { ExecutableFile } from './executables.ts';
import type { OpenOrigin } from './fill.ts';
import { fetchLocalFile, isLocal, localSize, openLocalFile } from './local-repository.ts';
import { measureStream, type Measured } from './measure.ts';
import { mirroredUrl, type Mirrors } from './mirrors.ts';
import { repositoryLogins, withLogin } from './repository-login.ts';

export interface OpenUrlAt {
  readonly size: number;
  readonly offset: number;
  readonly signal?: AbortSignal | undefined;
}

export interface MeasureOptions {
  /** The digest that is promised: the bytes are read only where nothing says how many there are. */
  readonly digest?: Digest;
  readonly signal?: AbortSignal;
}

/** The sources of a build outside its inputs. Addresses are canonical; the implementation maps them to mirrors. */
export interface Upstream {
  readonly images: ImageSource;
  readonly fetch: FetchFile;
  /** Streams a file from `offset` on; goes on by itself where a connection breaks. */
  readonly openUrl: (url: string, options: OpenUrlAt) => Promise<Readable>;
  /** Digest and size of a file. None of its bytes are kept. */
  readonly measure: (url: string, options?: MeasureOptions) => Promise<Measured>;
  /** The address of the mirror for a URL, or the URL itself. */
  readonly addressOf: (url: string) => string;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal?: AbortSignal | undefined;
}

export interface UpstreamOptions {
  /** The lists of images: paths of archives are relative to the first. */
  readonly imageLists: readonly string[];
  readonly mirrors: Mirrors;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Certificates (PEM) of authorities that are trusted besides the usual ones. */
  readonly ca?: readonly string[];
  /** Certificates with their keys (PEM) by host, for servers that ask for one. */
  readonly clientCertificates?: ReadonlyMap<string, string>;
  readonly runHelper?: RunCredentialHelper;
  /** As in HttpClientOptions: for a process that goes on for days. */
  readonly hostFaultMs?: number;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens registries (with docker's stored credentials), archives, the Docker engine and package repositories (with the logins
 * of the netrc file or docker's); call close when done.
 */
export async function connectUpstream(options: UpstreamOptions): Promise<Upstream & { close(): Promise<void> }> {
  const { imageLists, mirrors, env, ca = [], clientCertificates = new Map(), runHelper, hostFaultMs, clock, emit, signal } = options;
  const findCredentials = await loadDockerCredentials({ env, emit, ...(runHelper === undefined ? {} : { runHelper }) });
  const http = new HttpClient({ env, ca, clientCertificates, emit, clock, ...(hostFaultMs === undefined ? {} : { hostFaultMs }) });
  const logins = repositoryLogins({ env, findCredentials });
  const images = openImageSource({ http, mirrors, findCredentials, env, emit, clock, directory: dirname(imageLists[0] ?? '') });
  return {
    images,
    fetch: async (url, fetchOptions) => {
      if (isLocal(url)) return fetchLocalFile(url, fetchOptions);
      const address = mirroredUrl(url, mirrors);
      return withLogin(address, logins, (login) => http.fetchFile(address, { ...fetchOptions, ...login }));
    },
    openUrl: async (url, { size, offset, signal: own }) => {
      if (isLocal(url)) return openLocalFile(url, offset);
      const address = mirroredUrl(url, mirrors);
      return withLogin(address, logins, (login) =>
        http.openUrl(address, { size, offset, ...login, ...(own === undefined ? {} : { signal: own }) }),
      );
    },
    measure: async (url, { digest, ...options } = {}) => {
      if (isLocal(url)) {
        const size = await localSize(url);
        return digest === undefined ? measureStream(await openLocalFile(url, 0)) : { digest, size };
      }
      const address = mirroredUrl(url, mirrors);
      return withLogin(address, logins, async (login) => {
        const size = digest === undefined ? undefined : await http.sizeOf(address, { ...login, ...options });
        if (digest !== undefined && size !== undefined) return { digest, size };
        return measureStream(await http.openUrl(address, { ...login, ...options }));
      });
    },
    addressOf: (url) => mirroredUrl(url, mirrors),
    clock,
    emit,
    signal,
    close: async () => {
      await images.close();
      await http.close();
    },
  };
}

/** Opens the origins of a plan: images and packages upstream, executables on this machine. */
export function originOpener(upstream: Upstream, executables: readonly ExecutableFile[]): OpenOrigin {
  return async (origin, entry, offset, signal) => {
    switch (origin.kind) {
      case 'image':
        return upstream.images.openBlob(origin.source, origin.descriptor, { offset, signal });
      case 'url':
        return upstream.openUrl(origin.url, { size: entry.size, offset, signal });
      case 'executable': {
        const file = executables.find(({ platform }) => formatPlatform(platform) === origin.platform);
        if (file === undefined) {
          throw new CaissonError('EXECUTABLE_MISSING', `Cannot read the executable for ${origin.platform}: it is not on this machine`, {
            hint: 'Name the lock and the executable again: --lock FILE --executable PLATFORM=FILE',
          });
        }
        return createReadStream(file.path, { start: offset, highWaterMark: 1024 * 1024 });
      }
    }
  };
}
