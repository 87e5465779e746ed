import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, afterAll, describe, expect, it } from 'vitest';
import { parseYaml } from '../../src/io/index.ts';
import { operatingSystemSchema } from '../../src/manifests/index.ts';
import { openWorkshop, type Workshop } from '../builder/workshop.ts';
import { ask } from '../support/ask.ts';
import { LoopbackRegistry } from '../support/loopback-registry.ts';
import { makeRpmVendor, type RpmVendor, type SpecPackage } from '../support/rpm-vendor.ts';
import { useSharedTempDir } from '../support/temp-dir.ts';
import { caisson, MAIN, start } from './building-site.ts';

const EXAMPLES = join(import.meta.dirname, '../../docs/examples/os');
const SETS = ['docker', 'kubelet', 'nfs-client', 'nfs-server', 'gfs-client'];

interface Sample {
  /** The example manifest, without its extension. */
  readonly name: string;
  /** True for repositories that sign their metadata, too, and a manifest that says so. */
  readonly signsMetadata: boolean;
  /** Host of the repositories of the distribution, and that of others. */
  readonly host: string;
  readonly others: readonly string[];
  /** Packages that the vendor of the other repositories makes. */
  readonly elsewhere: readonly string[];
}

/** The example documents, with repositories that stand in for those that they name. */
const SAMPLES: readonly Sample[] = [
  {
    name: 'rocky-9',
    signsMetadata: false,
    host: 'dl.rockylinux.org',
    others: ['download.docker.com'],
    elsewhere: ['docker-ce', 'containerd.io'],
  },
  { name: 'openeuler-24.03', signsMetadata: true, host: 'repo.openeuler.org', others: [], elsewhere: [] },
];

/** A package of each name, and one that only others need. */
function stockOf(names: readonly string[], helper: string): readonly SpecPackage[] {
  const wanted = names.map((name) => ({ name, lines: [`Requires: ${helper} >= 1`], files: [`/usr/share/${name}/made`] }));
  return [...wanted, { name: helper, files: [`/usr/lib/${helper}`] }, { name: `un${helper}`, files: [`/usr/lib/un${helper}`] }];
}

describe.each(SAMPLES)('the example manifest of $name, from repositories to a host', ({ name, signsMetadata, host, others, elsewhere }) => {
  const directory = useSharedTempDir();
  let workshop: Workshop;
  let server: LoopbackRegistry;
  let words: readonly string[];
  let wanted: readonly string[];
  let served: { readonly child: ChildProcess; readonly origin: string } | undefined;

  beforeAll(async () => {
    const text = readFileSync(join(EXAMPLES, `${name}.yaml`), 'utf8');
    const document = parseYaml(text, `${name}.yaml`, operatingSystemSchema);
    if (document.packages !== 'rpm') throw new Error('the example is about rpm packages');
    wanted = [...new Set([...document.base.packages, ...document.packageSets.flatMap(({ packages }) => packages)])];
    const vendorOf = async (place: string, names: readonly string[]): Promise<RpmVendor> => {
      mkdirSync(join(directory(), place));
      return makeRpmVendor(join(directory(), place), stockOf(names, `${place}lib`), { signsMetadata });
    };
    const own = await vendorOf(
      'own',
      wanted.filter((one) => !elsewhere.includes(one)),
    );
    const other = others.length === 0 ? undefined : await vendorOf('other', elsewhere);
    server = await LoopbackRegistry.start();
    server.intercept = (request, response) => {
      const [, vendor = '', path = ''] = /^\/(own|other)\/.*\/x86_64\/(?:os\/|stable\/)?(.*)$/.exec(request.url ?? '') ?? [];
      const repository = (vendor === 'own' ? own : other)?.repository ?? '';
      readFile(join(repository, decodeURIComponent(path))).then(
        (content) => response.end(content),
        () => response.writeHead(404).end(),
      );
      return true;
    };
    workshop = await openWorkshop({ images: {} });
    await workshop.write(
      'manifests/roles/node.yaml',
      `apiVersion: caisson/v1\nkind: Role\nname: node\nsummary: Every host\ncomponents: []\npackageSets: [${SETS.join(', ')}]\n`,
    );
    await ask(workshop.directory, 'rm', 'manifests/os/debian-12.yaml');
    await workshop.write(`manifests/os/${name}.yaml`, signsMetadata ? text.replaceAll(/ +signed: packages\n/g, '') : text);
    for (const { signedBy } of document.repositories) {
      const key = signedBy.includes('docker') ? other?.publicKey : own.publicKey;
      await workshop.write(`manifests/os/${signedBy}`, key ?? '');
    }
    const mirrors = [`${host}=${server.origin}/own`, ...others.map((one) => `${one}=${server.origin}/other`)];
    words = [
      ...['build-bundle', '--manifests', join(workshop.directory, 'manifests'), '--images', join(workshop.directory, 'images.txt')],
      ...['--lock', join(workshop.directory, 'bundle.lock.json'), '--executable', join(workshop.directory, 'caisson-linux-amd64')],
      ...mirrors.flatMap((mirror) => ['--mirror', mirror]),
      ...['--output', bundle()],
    ];
  }, 300_000);
  afterAll(async () => {
    served?.child.kill('SIGTERM');
    await server.close();
    await workshop.remove();
  });

  const bundle = (): string => join(directory(), 'bundle.tar');

  /** The depot of the bundle, as a site starts it. */
  async function serve(): Promise<string> {
    if (served !== undefined) return served.origin;
    const { child } = start([process.execPath, MAIN, 'serve', bundle(), '--listen', '127.0.0.1:0']);
    const origin = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        const [, found] = /address {3}(http:\S+)\n/.exec(text) ?? [];
        if (found !== undefined) resolve(found);
      });
      child.once('close', () => reject(new Error(`serve ended: ${text}`)));
    });
    served = { child, origin };
    return origin;
  }

  /** dnf of a host with an empty root, whose only repository is the one that the page of the depot describes. */
  async function dnf(...argv: readonly string[]): Promise<string> {
    const origin = await serve();
    const page = await (await fetch(`${origin}/`)).text();
    const [, repository = ''] = /caisson\.repo &lt;&lt;(?:'|&#39;)END(?:'|&#39;)\n([\s\S]*?)\nEND/.exec(page) ?? [];
    expect(repository).toMatch(/^gpgcheck=1\nrepo_gpgcheck=1$/m);
    mkdirSync(join(directory(), 'conf'), { recursive: true });
    writeFileSync(join(directory(), 'conf/caisson.repo'), repository);
    const at = (place: string): string => join(directory(), place);
    const settings = [`--installroot=${at('root')}`, `--setopt=cachedir=${at('cache')}`, `--setopt=reposdir=${at('conf')}`];
    const more = ['--releasever=9', '--forcearch=x86_64', '--setopt=plugins=False', '--setopt=install_weak_deps=False'];
    return (await ask(directory(), 'dnf', '-y', ...settings, ...more, ...argv)).stdout;
  }

  it('is built: every set is closed, its packages are checked and the bundle is whole', async () => {
    const built = await caisson([...words, '--version', '1']);
    expect(built).toMatchObject({ status: 0, stdout: expect.stringContaining('Built') });
    expect(await caisson(['verify', bundle()])).toMatchObject({ status: 0 });
    expect(await caisson([...words, '--version', '1', '--frozen'])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('is unchanged'),
    });
  });

  it('is installed by dnf from the depot into an empty root, both signatures checked', async () => {
    await dnf('install', ...wanted);
    const format = '%{NAME} %{RSAHEADER:pgpsig}\n';
    const { stdout } = await ask(directory(), 'rpm', '--root', join(directory(), 'root'), '-qa', '--queryformat', format);
    const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('gpg-pubkey'));
    const libraries = ['ownlib', ...(others.length === 0 ? [] : ['otherlib'])];
    expect(lines.map((line) => line.split(' ')[0]).toSorted()).toEqual([...wanted, ...libraries].toSorted());
    expect(lines.filter((line) => !line.includes('RSA/SHA256'))).toEqual([]);
  });

  it('has nothing besides what the sets need', async () => {
    const all = await dnf('repoquery', '--quiet', '--available', '--queryformat=%{name}');
    expect(all.split('\n').filter((line) => line.startsWith('un'))).toEqual([]);
    await expect(dnf('install', 'unownlib')).rejects.toThrow(/unownlib/);
  });
});
