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

/** A repository with modules, and another one whose packages stand in for theirs. */
export interface ModularUniverse {
  readonly packages: readonly DrawnPackage[];
  readonly hotfixes: readonly DrawnPackage[];
  /** The text of modules.yaml. */
  readonly modules: string;
  readonly cases: readonly ModularCase[];
}

export interface ModularCase {
  readonly names: readonly string[];
  /** Streams that are enabled, NAME:STREAM. */
  readonly enabled: readonly string[];
}

export interface ModularAnswer {
  /** NAME:STREAM. */
  readonly active: readonly string[];
  /** As of askDnf. */
  readonly packages: readonly string[] | undefined;
}

const MODULES_SCRIPT = `
import configparser, dnf, json, os, shutil, sys
work, answers = sys.argv[1], []
for universe in json.load(open(os.path.join(work, 'modular.json'))):
    found = []
    for case in universe['cases']:
        root = os.path.join(universe['path'], 'root')
        shutil.rmtree(root, ignore_errors=True)
        os.makedirs(os.path.join(root, 'etc/dnf/modules.d'))
        for item in case['enabled']:
            name, stream = item.split(':')
            with open(os.path.join(root, 'etc/dnf/modules.d', name + '.module'), 'w') as file:
                file.write('[%s]\\nname=%s\\nstream=%s\\nprofiles=\\nstate=enabled\\n' % (name, name, stream))
        with dnf.Base() as base:
            conf = base.conf
            conf.installroot = root
            conf.cachedir = os.path.join(universe['path'], 'cache')
            conf.persistdir = os.path.join(universe['path'], 'state')
            conf.logdir = universe['path']
            conf.module_platform_id = 'platform:el8'
            conf.reposdir, conf.plugins, conf.best, conf.install_weak_deps = [], False, False, False
            for name, value in (('releasever', '8'), ('arch', 'x86_64'), ('basearch', 'x86_64')):
                conf.substitutions[name] = value
            for name in ('modular', 'hotfix'):
                repo = dnf.repo.Repo(name, conf)
                repo.baseurl = ['file://' + os.path.join(universe['path'], name)]
                repo.module_hotfixes = name == 'hotfix'
                base.repos.add(repo)
            base.fill_sack(load_system_repo=False)
            container = base._moduleContainer
            active = sorted(set('%s:%s' % (m.getName(), m.getStream()) for m in container.getModulePackages() if container.isModuleActive(m) and m.getName() != 'platform'))
            try:
                for name in dict.fromkeys(case['names']):
                    base.install(name)
                base.resolve()
                packages = sorted('%s-%s%s-%s.%s' % (p.name, '%d:' % p.epoch if p.epoch else '', p.version, p.release, p.arch) for p in base.transaction.install_set)
            except (dnf.exceptions.DepsolveError, dnf.exceptions.MarkingError):
                packages = None
            found.append({'active': active, 'packages': packages})
    answers.append(found)
print(json.dumps(answers))
`;

/** The streams that dnf has active in each case, and the packages that it would install then. */
export async function askDnfOfModules(
  directory: string,
  universes: readonly ModularUniverse[],
): Promise<readonly (readonly ModularAnswer[])[]> {
  const given = universes.map(({ packages, hotfixes, modules, cases }, index) => {
    const path = join(directory, `modular-${index}`);
    writeMetadata(join(path, 'modular'), packages, modules);
    writeMetadata(join(path, 'hotfix'), hotfixes);
    return { path, cases };
  });
  writeFileSync(join(directory, 'modular.json'), JSON.stringify(given));
  const answers = (await askPython(directory, MODULES_SCRIPT, directory)) as readonly (readonly {
    readonly active: readonly string[];
    readonly packages: readonly string[] | null;
  }[])[];
  return answers.map((list) => list.map(({ active, packages }) => ({ active, packages: packages ?? undefined })));
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

function writeMetadata(path: string, packages: readonly DrawnPackage[], modules?: string): void {
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
    ...(modules === undefined ? [] : ([['modules', modules]] as const)),
  ] as const;
  const data = lists.map(([type, text]) => {
    const isXml = type !== 'modules';
    const content = isXml ? `<?xml version="1.0" encoding="UTF-8"?>\n${text}\n` : text;
    const file = `${type}.${isXml ? 'xml' : 'yaml'}`;
    writeFileSync(join(path, 'repodata', file), content);
    const digest = createHash('sha256').update(content).digest('hex');
    return `<data type="${type}"><checksum type="sha256">${digest}</checksum><location href="repodata/${file}"/></data>`;
  });
  writeFileSync(
    join(path, 'repodata/repomd.xml'),
    `<?xml version="1.0"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo">${data.join('')}</repomd>\n`,
  );
}
