import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

/** Every parser of what others wrote, as a bundle, a repository or a registry brings it, and the file of hostile input that it withstands. */
const PARSERS: Readonly<Record<string, { readonly parses: readonly string[]; readonly hostile: string }>> = {
  'src/io/tar-layout.ts': { parses: ['readTarHeader'], hostile: 'test/io/tar-layout.hostile.test.ts' },
  'src/io/tar-stream.ts': { parses: ['readTarStream'], hostile: 'test/sources/copy-out.hostile.test.ts' },
  'src/sources/copy-out.ts': { parses: ['copyOutOfLayers'], hostile: 'test/sources/copy-out.hostile.test.ts' },
  'src/io/bounded-json.ts': { parses: ['parseBoundedJson'], hostile: 'test/io/bounded-json.hostile.test.ts' },
  'src/io/yaml-document.ts': { parses: ['parseYaml', 'readYaml'], hostile: 'test/io/yaml-document.hostile.test.ts' },
  'src/io/compression.ts': { parses: ['decompress'], hostile: 'test/io/compression.hostile.test.ts' },
  'src/backup/archive.ts': { parses: ['unpackBackup'], hostile: 'test/backup/archive.hostile.test.ts' },
  'src/backup/document.ts': { parses: ['parseBackupDocument'], hostile: 'test/backup/archive.hostile.test.ts' },
  'src/bundle/format/manifest-schema.ts': { parses: ['parseManifest'], hostile: 'test/bundle/format/manifest-schema.hostile.test.ts' },
  'src/bundle/read/reader.ts': { parses: ['openBundle'], hostile: 'test/bundle/read/reader.hostile.test.ts' },
  'src/bundle/verify/verify.ts': { parses: ['verifyBundle'], hostile: 'test/bundle/verify/hostile.test.ts' },
  'src/bundle/format/sums.ts': { parses: ['parseSums'], hostile: 'test/bundle/format/sums.hostile.test.ts' },
  'src/bundle/delta/receipt.ts': { parses: ['parseReceipt'], hostile: 'test/bundle/delta/receipt.hostile.test.ts' },
  'src/bundle/read/bundle-catalog.ts': { parses: ['bundleCatalog'], hostile: 'test/bundle/read/bundle-catalog.hostile.test.ts' },
  'src/bundle/write/fill-journal.ts': { parses: [], hostile: 'test/bundle/write/fill-journal.test.ts' },
  'src/pki/certificate-info.ts': { parses: ['certificateInfo'], hostile: 'test/pki/certificate-info.hostile.test.ts' },
  'src/oci/manifest.ts': { parses: ['parseManifest', 'parseJsonObject'], hostile: 'test/oci/manifest.hostile.test.ts' },
  'src/oci/reference.ts': { parses: ['parseReference', 'parseReferenceAsWritten'], hostile: 'test/oci/reference.hostile.test.ts' },
  'src/sources/config-platform.ts': { parses: ['readConfigPlatform'], hostile: 'test/sources/config-platform.hostile.test.ts' },
  'src/sources/image-list.ts': { parses: ['parseImageList'], hostile: 'test/sources/image-list.hostile.test.ts' },
  'src/sources/file-list.ts': { parses: ['parseFileList'], hostile: 'test/sources/file-list.hostile.test.ts' },
  'src/builder/lock.ts': { parses: ['parseLock'], hostile: 'test/builder/lock.hostile.test.ts' },
  'src/manifests/manifests.ts': { parses: ['loadManifests'], hostile: 'test/manifests/manifests.hostile.test.ts' },
  'src/manifests/template.ts': { parses: ['renderTemplate'], hostile: 'test/manifests/manifests.hostile.test.ts' },
  'src/cluster/cluster-spec.ts': { parses: ['parseClusterSpec'], hostile: 'test/cluster/cluster-spec.hostile.test.ts' },
  'src/host/service-log.ts': { parses: ['parseLogEntry'], hostile: 'test/host/service-log.hostile.test.ts' },
  'src/agent/service-file.ts': { parses: ['parseServiceFile'], hostile: 'test/agent/service-file.hostile.test.ts' },
  'src/ospkg/apt/control-file.ts': { parses: ['parseParagraph', 'splitParagraphs'], hostile: 'test/ospkg/apt/metadata.hostile.test.ts' },
  'src/ospkg/apt/release-file.ts': { parses: ['parseReleaseFile'], hostile: 'test/ospkg/apt/metadata.hostile.test.ts' },
  'src/ospkg/release-signature.ts': { parses: ['verifyInRelease'], hostile: 'test/ospkg/apt/metadata.hostile.test.ts' },
  'src/ospkg/apt/requirement.ts': { parses: ['parseRelations'], hostile: 'test/ospkg/apt/metadata.hostile.test.ts' },
  'src/ospkg/apt/deb-version.ts': { parses: ['isDebVersion', 'compareDebVersions'], hostile: 'test/ospkg/apt/metadata.hostile.test.ts' },
  'src/ospkg/rpm/xml.ts': { parses: ['parseElement'], hostile: 'test/ospkg/rpm/metadata.hostile.test.ts' },
  'src/ospkg/rpm/split-elements.ts': { parses: ['splitPackageElements'], hostile: 'test/ospkg/rpm/metadata.hostile.test.ts' },
  'src/ospkg/rpm/module-documents.ts': { parses: ['readModules'], hostile: 'test/ospkg/rpm/modules.hostile.test.ts' },
  'src/ospkg/rpm/mirrors.ts': { parses: ['parseMirrorList'], hostile: 'test/ospkg/rpm/mirrors.hostile.test.ts' },
  'src/ospkg/rpm/repomd.ts': { parses: ['parseRepomd'], hostile: 'test/ospkg/rpm/metadata.hostile.test.ts' },
  'src/ospkg/rpm/dependency.ts': { parses: ['parseRichDependency'], hostile: 'test/ospkg/rpm/metadata.hostile.test.ts' },
  'src/ospkg/rpm/package-table.ts': { parses: ['RpmTable'], hostile: 'test/ospkg/rpm/metadata.hostile.test.ts' },
  'src/ospkg/rpm/rpm-file.ts': { parses: ['parseRpmFile'], hostile: 'test/ospkg/rpm/metadata.hostile.test.ts' },
  'src/ospkg/rpm/package-signature.ts': { parses: ['requireSignedPackage'], hostile: 'test/ospkg/rpm/metadata.hostile.test.ts' },
  'src/ospkg/rpm/signature-v3.ts': { parses: ['isSignedInVersion3', 'packetVersion'], hostile: 'test/ospkg/rpm/signature-v3.test.ts' },
  'src/sshsig/signature.ts': { parses: ['parseSignature'], hostile: 'test/sshsig/sshsig.hostile.test.ts' },
  'src/sshsig/allowed-signers.ts': { parses: ['parseAllowedSigners'], hostile: 'test/sshsig/sshsig.hostile.test.ts' },
  'src/sshsig/revoked-keys.ts': { parses: ['parseRevokedKeys'], hostile: 'test/sshsig/sshsig.hostile.test.ts' },
  'src/engine/read-journal.ts': { parses: ['readJournal'], hostile: 'test/engine/read-journal.hostile.test.ts' },
  'src/site/record.ts': { parses: ['parseHostRecord'], hostile: 'test/site/records.hostile.test.ts' },
  'src/site/site-store.ts': { parses: ['openFileStore'], hostile: 'test/site/records.hostile.test.ts' },
  'src/builder/netrc.ts': { parses: ['loginOf'], hostile: 'test/builder/netrc.test.ts' },
  'src/resources/packages/apt/parse-simulation.ts': {
    parses: ['parseSimulation'],
    hostile: 'test/resources/apt-simulation.hostile.test.ts',
  },
  'src/resources/packages/dnf/parse-simulation.ts': {
    parses: ['parseSimulation'],
    hostile: 'test/resources/dnf-simulation.hostile.test.ts',
  },
  'src/registry/credentials.ts': { parses: ['parseDockerConfig'], hostile: 'test/registry/credentials.hostile.test.ts' },
};

/** Files that take JSON or YAML apart and are none of those: why. */
const OTHERS: Readonly<Record<string, string>> = {
  'src/io/bounded-list.ts': 'a part of schemas, tried with the parsers that use it',
  'src/site/authority-generations.ts': 'written by this program beside the keys of the seed, for root alone',
  'src/cli/commands/licenses.ts': 'written by the build of this program, into the program',
  'src/agent/config.ts': 'written by the installer of the same site',
  'src/builder/upstream-settings.ts': 'a secret file that the installer of the same site wrote',
  'src/resources/bundle-file.ts': 'the answer of our own program on a host of the site; what is no digest is refused',
  'src/agent/status-client.ts': 'an answer of an agent that showed a certificate of the site',
  'src/cluster/edit-nodes.ts': 'cluster.yaml, read by readYaml, and checked again as a whole once it is edited',
  'src/site/secret-store.ts': 'written by Caisson itself, for root alone; a damaged one is refused whole (test/site/secret-store.test.ts)',
  'src/site/last-run.ts': 'written by Caisson itself, for root alone; one that says something else is refused (last-run.test.ts)',
  'src/usecases/options.ts': 'cluster.yaml as src/cluster/edit-options.ts gives it',
  'src/cluster/edit-options.ts': 'cluster.yaml, read by readYaml, and checked again as a whole once it is edited',
  'src/usecases/init-conflicts.ts': 'cluster.yaml, read by readYaml to be compared; a file that says the same is checked as a whole later',
  'src/cluster/edit-place.ts': 'cluster.yaml, read by readYaml, and checked again as a whole once it is edited',
  'src/io/yaml-edit.ts': 'read by readYaml before and after each edit',
  'src/ssh/check-login.ts': 'cluster.yaml once more, for its lines; it was parsed before',
  'src/agent/keep/run-mark.ts': "the node's own record, of which one key is read; what is no JSON has no mark",
  'src/agent/state-file.ts': "the agent's own memory; what cannot be read is begun anew",
  'src/usecases/apply/agent-statuses.ts': 'an answer of an agent that was asked over ssh',
  'src/net/rate-limit.ts': 'words for people out of a refusal, cut short; what is no JSON says nothing',
  'src/health/http-client.ts': 'an answer of a service of the site, whose size is limited',
};

const TAKES_APART = /\b(?:JSON\.parse|parseBoundedJson)\(|\b(?:parseYaml|readYaml)\(|\.safeParse\(/;

function sources(directory: string): string[] {
  return readdirSync(join(ROOT, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

describe('parsers of what others wrote', () => {
  it.each(Object.entries(PARSERS))('%s has a test file of hostile input that calls each of its functions', (file, { parses, hostile }) => {
    const source = readFileSync(join(ROOT, file), 'utf8');
    for (const name of parses) expect(source).toMatch(new RegExp(`export (?:async )?(?:function\\*?|class) ${name}\\b`));
    expect(existsSync(join(ROOT, hostile))).toBe(true);
    const text = readFileSync(join(ROOT, hostile), 'utf8');
    expect(parses.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
  });

  it('are all in the list, or there is a reason why not', () => {
    const found = sources('src').filter((file) => TAKES_APART.test(readFileSync(join(ROOT, file), 'utf8')));
    expect(found.filter((file) => PARSERS[file] === undefined && OTHERS[file] === undefined)).toEqual([]);
    expect(Object.keys(OTHERS).filter((file) => !found.includes(file))).toEqual([]);
  });
});
