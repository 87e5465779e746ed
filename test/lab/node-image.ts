import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from './engine.ts';
import type { AptMirror } from './prerequisites.ts';
import { run } from './run.ts';
import { recipeKey, repositoryRoot, runDirectory } from './state.ts';

/** What a datacenter's bare Debian 12 host has: an init system, ssh, sudo, and nothing of the cluster. */
export const HOST_PACKAGES = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'udev',
  'openssh-server',
  'sudo',
  'ca-certificates',
  'iproute2',
  'iptables',
  'kmod',
  'procps',
] as const;

/** Run by mmdebstrap with the new root as $1. */
export const HOST_CUSTOMIZE = [
  // Every node gets host keys and a machine id of its own.
  'rm -f "$1"/etc/ssh/ssh_host_*; : > "$1/etc/machine-id"; rm -f "$1/var/lib/dbus/machine-id"',
  // A user who is not root and may become root without a password: the second way to log in.
  'chroot "$1" useradd --create-home --shell /bin/bash site',
  'printf "site ALL=(ALL) NOPASSWD:ALL\\n" > "$1/etc/sudoers.d/site"; chmod 0440 "$1/etc/sudoers.d/site"',
  // Nothing here is for a machine without a console, and timers that reach for the network would only fail.
  'chroot "$1" systemctl mask console-getty.service getty@.service systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer',
  'chroot "$1" systemctl enable ssh.service',
] as const;

const NAME = 'lab/node:bookworm';
const LABEL = 'caisson.lab.recipe';

async function recipeOfImage(engine: Engine): Promise<string | undefined> {
  const shown = await engine.docker(['image', 'inspect', '--format', `{{index .Config.Labels "${LABEL}"}}`, NAME], { expect: 'any' });
  return shown.status === 0 ? shown.stdout.trim() : undefined;
}

/** Writes the files of a bare Debian 12 host as a tar archive. `hooks` are run by mmdebstrap behind those of all hosts. */
export async function makeHostRoot(archive: string, hooks: readonly string[], mirror: AptMirror): Promise<void> {
  await run([
    'mmdebstrap',
    '--quiet',
    '--variant=minbase',
    `--include=${HOST_PACKAGES.join(',')}`,
    ...[...HOST_CUSTOMIZE, ...hooks].map((script) => `--customize-hook=${script}`),
    'bookworm',
    archive,
    `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror.main} bookworm main`,
  ]);
}

/**
 * The image of a bare Debian 12 host, made from the mirror by mmdebstrap (about half a minute) unless the engine holds it from
 * the same recipe. Its apt keeps the mirror as its own source. Returns the image's name.
 */
export async function ensureNodeImage(engine: Engine, mirror: AptMirror, say: (line: string) => void = () => undefined): Promise<string> {
  const runc = join(repositoryRoot(), 'test/lab/node/runc');
  const key = recipeKey('1', mirror.main, ...HOST_PACKAGES, ...HOST_CUSTOMIZE, await readFile(runc, 'utf8'));
  if ((await recipeOfImage(engine)) === key) return NAME;
  say(`Making the image of a bare Debian 12 host from ${mirror.main}`);
  const directory = runDirectory('node-image');
  try {
    const archive = join(directory, 'node.tar');
    await makeHostRoot(archive, [`copy-in ${runc} /usr/local/sbin`], mirror);
    await engine.docker(['import', '--change', `LABEL ${LABEL}=${key}`, archive, NAME]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  return NAME;
}
