import { ensureKeptUnits, lookAtKeptUnits, removeKeptUnits, type KeptUnit } from './kept-unit.ts';
import type { ResourceKind } from './kind.ts';
import { pendingOf } from './pending.ts';

/** A file system that is mounted now and at every boot. Its key is the directory. */
export interface MountSpec {
  /** Source of the mount in the syntax of mount(8): SERVER:/PATH, a device, or a label. */
  readonly what: string;
  readonly type: string;
  readonly options: string;
}

/** Returns the unit name for a path, escaped as in systemd.unit(5), STRING ESCAPING FOR INCLUSION IN UNIT NAMES. */
export function mountUnitName(path: string): string {
  const parts = path.split('/').filter((part) => part !== '');
  if (parts.length === 0) return '-.mount';
  const escaped = [...Buffer.from(parts.join('/'))].map((byte, index) => {
    const character = String.fromCharCode(byte);
    if (character === '/') return '-';
    if (/[A-Za-z0-9:_]/.test(character) || (character === '.' && index > 0)) return character;
    return `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  return `${escaped.join('')}.mount`;
}

/** Text of a unit as in systemd.mount(5). systemd makes a mount of a network file system type wait for the network. */
function unitOf({ key, spec: { what, type, options } }: { readonly key: string; readonly spec: MountSpec }): KeptUnit {
  const literal = (text: string): string => text.replaceAll('%', '%%');
  const lines = [
    '[Unit]',
    `Description=${literal(key)} of the cluster`,
    '',
    '[Mount]',
    `What=${literal(what)}`,
    `Where=${literal(key)}`,
    `Type=${type}`,
    `Options=${literal(options)}`,
    'TimeoutSec=90',
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ];
  return { name: mountUnitName(key), text: lines.join('\n') };
}

export const mountKind: ResourceKind<MountSpec> = {
  look: (host, wanted, { signal }) => lookAtKeptUnits(host, wanted.map(unitOf), signal),
  ensure: async (host, wanted, context) => {
    const open = await pendingOf(mountKind.look, host, wanted, context);
    await ensureKeptUnits(host, open.map(unitOf), context);
  },
  remove: (host, owned, { signal }) =>
    removeKeptUnits(
      host,
      owned.map(({ key }) => mountUnitName(key)),
      signal,
    ),
};
