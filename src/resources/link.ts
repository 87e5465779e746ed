import { runChecked, shellScript, type Host } from '../host/index.ts';
import { ABSENT, SAME, type Found, type ResourceKind } from './kind.ts';

/** A symbolic link, such as another name of a program. Its key is the path. */
export interface LinkSpec {
  /** Absolute path that the link leads to. It need not exist yet. */
  readonly target: string;
}

/** Parameters: paths. Prints for each path that exists: the target of the link, empty for anything else, a tab, the path, NUL. */
export const LOOK_LINKS_SCRIPT = `for path do
  if [ -L "$path" ]; then printf '%s\\t%s\\0' "$(readlink -- "$path")" "$path"
  elif [ -e "$path" ]; then printf '\\t%s\\0' "$path"
  fi
done
`;

/** Parameters: target and path. Makes the link, in place of another link at most. Fails where anything else is at the path. */
export const MAKE_LINK_SCRIPT = `if [ -e "$2" ] && [ ! -L "$2" ]; then echo "$2 exists and is no link" >&2; exit 1; fi
exec ln -sfT -- "$1" "$2"
`;

/** Parameters: pairs of target and path. Removes each link that leads to its target, and nothing else. */
export const REMOVE_LINKS_SCRIPT = `while [ $# -gt 1 ]; do
  if [ -L "$2" ] && [ "$(readlink -- "$2")" = "$1" ]; then rm -f -- "$2" || exit 1; fi
  shift 2
done
`;

async function lookAtLinks(
  host: Host,
  wanted: readonly { readonly key: string; readonly spec: LinkSpec }[],
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const paths = wanted.map(({ key }) => key);
  const { stdout } = await runChecked(host, { argv: shellScript(LOOK_LINKS_SCRIPT, paths) }, { signal });
  const targets = new Map(
    stdout.split('\0').flatMap((line): [string, string][] => {
      const tab = line.lastIndexOf('\t');
      return tab < 0 ? [] : [[line.slice(tab + 1), line.slice(0, tab)]];
    }),
  );
  return wanted.map(({ key, spec }): Found => {
    const target = targets.get(key);
    if (target === undefined) return ABSENT;
    if (target === spec.target) return SAME;
    return { state: 'different', why: target === '' ? 'it is no link' : `it leads to ${target}` };
  });
}

/** A file or program at the path of a link is never replaced: preflight refuses a host that has one. */
export const linkKind: ResourceKind<LinkSpec> = {
  look: (host, wanted, { signal }) => lookAtLinks(host, wanted, signal),
  ensure: async (host, wanted, { signal }) => {
    const found = await lookAtLinks(host, wanted, signal);
    for (const [index, { key, spec }] of wanted.entries()) {
      if (found[index]?.state === 'same') continue;
      await runChecked(host, { argv: shellScript(MAKE_LINK_SCRIPT, [spec.target, key]) }, { signal });
    }
  },
  remove: async (host, owned, { signal }) => {
    const pairs = owned.flatMap(({ key, details }) => [details?.['target'] ?? '', key]);
    await runChecked(host, { argv: shellScript(REMOVE_LINKS_SCRIPT, pairs) }, { signal });
  },
  details: ({ target }) => ({ target }),
};
