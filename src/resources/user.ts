import { runChecked, shellScript } from '../host/index.ts';
import { pendingOf } from './pending.ts';
import { ABSENT, SAME, type Found, type ResourceKind } from './kind.ts';

/** A system user without a login, and a group with the same name. Its key is the name. */
export interface UserSpec {
  /** Number of the user and the group. When undefined, the distribution chooses one. */
  readonly id?: number | undefined;
  /** Home directory in the user database. The directory itself is not made. */
  readonly home: string;
}

/**
 * Parameters: name, home, number or an empty text. Fails when the user exists with another number, because its files
 * belong to that number.
 */
export const MAKE_USER_SCRIPT = `set -eu
if [ -n "$3" ] && found=$(getent passwd "$1" | cut -d: -f3) && [ -n "$found" ] && [ "$found" != "$3" ]; then
  echo "user $1 has the number $found, want $3; give its files another owner and remove it" >&2; exit 1
fi
getent group "$1" >/dev/null || groupadd --system \${3:+--gid "$3"} -- "$1"
if getent passwd "$1" >/dev/null; then usermod --home "$2" -- "$1"
else useradd --system --no-create-home --home-dir "$2" --shell /usr/sbin/nologin --gid "$1" \${3:+--uid "$3"} -- "$1"
fi
`;

/** Parameters: names. Removes the users and groups that exist. */
export const REMOVE_USERS_SCRIPT = `for name do
  if getent passwd "$name" >/dev/null; then userdel -- "$name" || exit 1; fi
  if getent group "$name" >/dev/null; then groupdel -- "$name" || exit 1; fi
done
`;

export const userKind: ResourceKind<UserSpec> = {
  look: async (host, wanted, { signal }) => {
    // getent fails when it does not know one of the names, and still prints the others.
    const { stdout } = await host.run({ argv: ['getent', 'passwd', ...wanted.map(({ key }) => key)] }, { signal });
    const found = new Map(stdout.split('\n').map((line) => [line.split(':')[0] ?? '', line.split(':')]));
    return wanted.map(({ key, spec }): Found => {
      const [, , id, , , home] = found.get(key) ?? [];
      if (id === undefined) return ABSENT;
      if (spec.id !== undefined && Number(id) !== spec.id) return { state: 'different', why: `its number is ${id}, want ${spec.id}` };
      return home === spec.home ? SAME : { state: 'different', why: `its home is ${home ?? ''}, want ${spec.home}` };
    });
  },
  ensure: async (host, wanted, context) => {
    const { signal } = context;
    for (const { key, spec } of await pendingOf(userKind.look, host, wanted, context)) {
      const parameters = [key, spec.home, spec.id === undefined ? '' : String(spec.id)];
      await runChecked(host, { argv: shellScript(MAKE_USER_SCRIPT, parameters) }, { signal });
    }
  },
  remove: async (host, owned, { signal }) => {
    await runChecked(
      host,
      {
        argv: shellScript(
          REMOVE_USERS_SCRIPT,
          owned.map(({ key }) => key),
        ),
      },
      { signal },
    );
  },
};
