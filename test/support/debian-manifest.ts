/** Text of manifests/os/debian-12.yaml for one repository with these package sets, and the key that it names. */
export function debianManifest(sets: Readonly<Record<string, readonly string[]>>): Readonly<Record<string, string>> {
  const lines = Object.entries(sets).map(([name, packages]) => `  - { name: ${name}, packages: [${packages.join(', ')}] }\n`);
  return {
    'os/debian-12.yaml': `apiVersion: caisson/v1
kind: OperatingSystem
id: debian
version: "12"
packages: apt
codename: bookworm
repositories:
  - { url: "http://mirror.example/debian", suites: [bookworm], signedBy: keys/debian.gpg }
packageSets:
${lines.join('')}`,
    'os/keys/debian.gpg': 'key',
  };
}
