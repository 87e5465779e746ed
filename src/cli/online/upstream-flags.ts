import type { Command } from 'commander';
import {
  connectUpstream,
  parseMirrors,
  parseUpstreamSettings,
  upstreamSettings,
  type Upstream,
  type UpstreamSettings,
} from '../../builder/index.ts';
import { readSecretFile } from '../../io/index.ts';
import { readClientCertificates } from './client-certificates.ts';
import { collect } from '../collect.ts';
import type { CommandContext } from '../command.ts';
import { runCredentialHelper } from '../credential-helper.ts';
import { readTrustedAuthorities } from '../trusted-authorities.ts';

/** Flags that say how upstream is reached, as build-bundle takes them. */
export interface UpstreamFlags {
  readonly mirror: readonly string[];
  readonly ca: readonly string[];
  readonly clientCertificate: readonly string[];
}

export function addUpstreamFlags(command: Command): Command {
  return command
    .option('--mirror <host=url>', 'online: ask this address instead of the host; may be repeated', collect, [])
    .option('--ca <file>', 'online: trust the authorities in this file (PEM), too; may be repeated', collect, [])
    .option(
      '--client-certificate <host=file>',
      'online: show this certificate with its key (PEM) to the host; may be repeated',
      collect,
      [],
    );
}

/** The settings of these flags and of the environment. Throws USAGE, INPUT_UNREADABLE, SECRET_EXPOSED and INPUT_INVALID. */
export async function settingsOfFlags(flags: UpstreamFlags, { env }: CommandContext): Promise<UpstreamSettings> {
  parseMirrors(flags.mirror);
  const authorities = await readTrustedAuthorities(flags.ca);
  const clientCertificates = await readClientCertificates(flags.clientCertificate);
  return upstreamSettings(flags.mirror, { authorities, clientCertificates }, env);
}

/** Reads the settings that an install wrote. Throws SECRET_EXPOSED, INPUT_UNREADABLE and INPUT_INVALID. */
export async function readUpstreamSettings(file: string): Promise<UpstreamSettings> {
  return parseUpstreamSettings(await readSecretFile(file), file);
}

/** A depot runs for days: what hosts ask for is fetched as soon as upstream answers again. */
const HOST_FAULT_MS = 10_000;

/** Opens what bundles are fetched from; archives are relative to the first of `imageLists`. Call close when done. */
export async function connectWith(
  settings: UpstreamSettings,
  imageLists: readonly string[],
  { env, clock, emit, signal }: CommandContext,
): Promise<Upstream & { close(): Promise<void> }> {
  return connectUpstream({
    imageLists,
    mirrors: parseMirrors(settings.mirrors),
    env: { ...env, ...settings.environment },
    ca: settings.authorities,
    clientCertificates: new Map(Object.entries(settings.clientCertificates ?? {})),
    runHelper: runCredentialHelper,
    hostFaultMs: HOST_FAULT_MS,
    clock,
    emit,
    signal,
  });
}
