import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filelistsElement, primaryElement, type DrawnPackage } from './rpm-universe.ts';
import { askPython } from './system-python.ts';

/** Packages to install on an empty system. */
export interface DnfCase {
  readonly names: readonly string[];
  readonly weak: boolean;
}

export interface DnfUniverse {
  readonly packages: readonly DrawnPackage[];
  readonly cases: readonly DnfCase[];
}

/** dnf as a library: one process for all cases, which is a hundred times as fast as one for each. */
const SCRIPT = `
import dnf, json, os, sys
work, answers = sys.argv[1], []
for universe in json.load(open(os.path.join(work, 'universes.json'))):
    found = []
    with dnf.Base() as base:
        conf = base.conf
        conf.installroot = os.path.join(universe['path'], 'root')
        conf.cachedir = os.path.join(universe['path'], 'cache')
        conf.persistdir = os.path.join(universe['path'], 'state')
        conf.logdir = universe['path']
        conf.reposdir, conf.plugins, conf.best = [], False, False
        for name, value in (('releasever', '9'), ('arch', 'x86_64'), ('basearch', 'x86_64')):
            conf.substitutions[name] = value
        repo = dnf.repo.Repo('drawn', conf)
        repo.baseurl = ['file://' + universe['path']]
        base.repos.add(repo)
        base.fill_sack(load_system_repo=False)
        for case in universe['cases']:
            base.reset(goal=True)
            conf.install_weak_deps = case['weak']
            try:
                for name in dict.fromkeys(case['names']):
                    base.install(name)
                base.resolve()
                found.append(sorted('%s-%s%s-%s.%s' % (p.name, '%d:' % p.epoch if p.epoch else '', p.version, p.release, p.arch) for p in base.transaction.install_set))
            except (dnf.exceptions.DepsolveError, dnf.exceptions.MarkingError):
                found.append(None)
    answers.append(found)
print(json.dumps(answers))
`;

/** The packages that dnf would install in each case, by name, version and architecture; undefined where it refuses. */
export async function askDnf(
  directory: string,
  universes: readonly DnfUniverse[],
): Promise<readonly (readonly (readonly string[] | undefined)[])[]> {
  const given = universes.map(({ packages, cases }, index) => {
    const path = join(directory, `universe-${index}`);
    writeMetadata(path, packages);
    return { path, cases };
  });
  writeFileSync(join(directory, 'universes.json'), JSON.stringify(given));
  const answers = (await askPython(directory, SCRIPT, directory)) as readonly (readonly (readonly string[] | null)[])[];
  return answers.map((list) => list.map((found) => found ?? undefined));
}

/** A digest of no file, which tells packages apart. */
export function pretendedDigest(index: number): string {
  return createHash('sha256').update(String(index)).digest('hex');
}

function writeMetadata(path: string, packages: readonly DrawnPackage[]): void {
  mkdirSync(join(path, 'repodata'), { recursive: true });
  const primary = packages.map((item, index) => primaryElement(item, { digest: pretendedDigest(index) }));
  const filelists = packages.map((item, index) => filelistsElement(item, pretendedDigest(index)));
  const lists = [
    [
      'primary',
      `<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="${packages.length}">${primary.join('\n')}</metadata>`,
    ],
    [
      'filelists',
      `<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="${packages.length}">${filelists.join('\n')}</filelists>`,
    ],
  ] as const;
  const data = lists.map(([type, text]) => {
    const content = `<?xml version="1.0" encoding="UTF-8"?>\n${text}\n`;
    writeFileSync(join(path, 'repodata', `${type}.xml`), content);
    const digest = createHash('sha256').update(content).digest('hex');
    return `<data type="${type}"><checksum type="sha256">${digest}</checksum><location href="repodata/${type}.xml"/></data>`;
  });
  writeFileSync(
    join(path, 'repodata/repomd.xml'),
    `<?xml version="1.0"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo">${data.join('')}</repomd>\n`,
  );
}
