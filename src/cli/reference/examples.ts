/** A command line that works as it stands once the files and nodes that it names are there. */
export interface Example {
  /** The words without the name of the program. */
  readonly line: string;
  readonly about: string;
}

/** Examples of each command, by its words without the name of the program. */
const EXAMPLES: Readonly<Record<string, readonly (readonly [line: string, about: string])[]>> = {
  '': [
    ['build-bundle --version 1.0', 'where there is internet: make one sealed file'],
    ['verify --allowed-signers signers bundle.tar', 'anywhere: check every byte and who signed'],
    ['install --offline --bundle bundle.tar --cluster cluster.yaml', 'on the seed: install the cluster of cluster.yaml from it'],
    ['help node add', 'tell how a command is used'],
  ],
  lint: [
    ['lint', 'check manifests/, images.txt and files.txt'],
    ['lint --manifests platform --images platform/images.txt --strict', 'check another platform, and refuse warnings, too'],
  ],
  'build-bundle': [
    ['build-bundle --plan', 'print what would be downloaded, from where and how big'],
    ['build-bundle --version 1.0 --sign-key release-key', 'make a signed bundle of the version 1.0'],
    ['build-bundle --files files.txt --update tools/ctl.tar.gz', 'look again at what the URL of one file has, and keep all else'],
    ['build-bundle --frozen --output again.tar', 'make the bundle of the lock again, byte by byte'],
    ['build-bundle --base old.tar --volume-size fat32', 'make a delta in volumes that a FAT file system holds'],
  ],
  verify: [
    ['verify bundle.tar', 'check every byte of a bundle'],
    ['verify --allowed-signers signers --require-signature bundle.tar', 'check also that an allowed signer signed it'],
    ['verify --rebuild bundle.lock.json bundle.tar', 'check that it is the bundle that the lock gives'],
  ],
  sign: [['sign bundle.tar --sign-key release-key', 'add a signature by an OpenSSH key']],
  inspect: [
    ['inspect bundle.tar', 'list images, packages and files'],
    ['inspect old.tar new.tar', 'print what differs between two bundles'],
    ['inspect bundle.tar --sbom', 'print the software bill of materials'],
    ['inspect --receipt receipt.json', 'on a seed: write what the site holds, for build-bundle --base'],
  ],
  serve: [
    ['serve bundle.tar', 'serve on 127.0.0.1:5000'],
    [
      'serve delta.tar base.tar --listen 0.0.0.0:5000 --tls-generate --state depot',
      'serve a delta with its base to other machines, by TLS',
    ],
  ],
  push: [
    ['push bundle.tar registry.example.com/project --plan', 'print what a registry lacks'],
    ['push bundle.tar registry.example.com/project', 'bring the images there'],
  ],
  init: [
    [
      'init --install-type offline --bundle bundle.tar --iip 10.0.0.11 --domain apps.example.com',
      'install a first node from a bundle, with a cluster.yaml that is written from the flags',
    ],
    ['init --install-type online --lock bundle.lock.json --iip 10.0.0.11 --plan', 'print what an install from the internet would do'],
  ],
  install: [
    ['install --offline --bundle bundle.tar --cluster cluster.yaml --plan', 'print what would be done and what follows from it'],
    ['install --offline --bundle bundle.tar --cluster cluster.yaml', 'show the plan, ask, and install'],
    ['install --offline', 'carry out changes of cluster.yaml, or repair, with the installed bundle'],
    ['install --offline --forget node4', 'let a machine go that is lost for good'],
  ],
  node: [
    ['node list', 'print the nodes and what runs on each'],
    ['node add node4 --iip 10.0.0.14 --role compute --install', 'add a node and install it'],
  ],
  'node list': [['node list', 'print the nodes and what runs on each']],
  'node get': [['node get node2', 'print the state of a node and of its components']],
  'node add': [
    ['node add node4 --iip 10.0.0.14 --role compute', 'write a node into cluster.yaml'],
    ['node add node4 --iip 10.0.0.14 --role manage,gateway --root-pass --install', 'ask for its password once, and install it'],
  ],
  'node install': [['node install node4 --plan', 'print what an install of the node would change']],
  'node roles': [['node roles node2 --role manage,compute --plan', 'print what other roles of a node would change']],
  'node remove': [
    ['node remove node4', 'remove a node that answers'],
    ['node remove node4 --forget node4', 'remove one that is lost for good'],
  ],
  'node replace': [['node replace node2 --iip 10.0.0.22', 'put another machine in the place of a lost one']],
  'node cordon': [['node cordon node2', 'keep new work away from a node']],
  'node uncordon': [['node uncordon node2', 'let it get new work again']],
  'node down': [
    ['node down node2 --plan', 'print what would stop and what would be away'],
    ['node down node2', 'stop all components of a node, for work on the machine'],
  ],
  'node up': [['node up node2', 'start them again']],
  option: [
    ['option list', 'print every option with its choice'],
    ['option set domain apps.example.org', 'change the domain of applications'],
  ],
  'option list': [['option list', 'print every option with its choice']],
  'option set': [
    ['option set domain apps.example.org --plan', 'print what another domain would change'],
    ['option set logging remote server=10.0.0.5', 'take another choice of an option, with a value that it needs'],
  ],
  component: [['component list', 'print every component with its nodes and its data']],
  'component list': [['component list', 'print every component with its nodes and its data']],
  'component move': [['component move registry --to node2 --plan', 'print what a move would do to the component and its data']],
  upgrade: [
    ['upgrade --bundle newer.tar --plan', 'print what another bundle changes'],
    ['upgrade --bundle newer.tar', 'make a backup, and install it host by host'],
  ],
  rollback: [['rollback --plan', 'print what going back to the bundle before changes']],
  bundles: [['bundles', 'print the bundles that the seed keeps, and why']],
  'bundles prune': [['bundles prune --plan', 'print which bundles would be removed']],
  reset: [
    ['reset --plan', 'print what would be removed from which host'],
    ['reset --purge', 'remove the cluster, with its data, keys and secrets'],
  ],
  backup: [
    ['backup --output /mnt/usb --recipient operator.asc', 'write a backup that a public key of OpenPGP encrypts'],
    ['backup --output site.backup --passphrase-file passphrase --no-data', 'write only what the seed alone has, with a passphrase'],
  ],
  restore: [
    ['restore site.backup --key operator-secret.asc --plan', 'print what would be put back'],
    ['restore site.backup --passphrase-file passphrase --data --component database', 'put back the data of one component'],
  ],
  adopt: [
    ['adopt --backup site.backup --key operator-secret.asc --bundle bundle.tar --forget node1', 'take the place of the lost seed node1'],
  ],
  cluster: [
    ['cluster', 'print nodes, components and their health'],
    ['cluster --watch', 'print them again every two seconds'],
  ],
  logs: [
    ['logs agent --node node2 --lines 20', 'print the last messages of the agent of a node'],
    ['logs depot --since=-1h --follow', 'print those of the last hour, and go on'],
  ],
  'support-bundle': [['support-bundle --output support.tar.gz', 'collect what helps to find a fault']],
  history: [
    ['history', 'print the runs that changed the cluster'],
    ['history --run 4f2a', 'print the steps of one run'],
  ],
  certificates: [['certificates', 'print every certificate and when it ends']],
  'certificates renew': [
    ['certificates renew --due', 'renew those that end within 60 days'],
    ['certificates renew depot --plan', 'print what a renewal by name would do'],
  ],
  'certificates rotate': [['certificates rotate caisson --plan', 'print what the next phase of a rotation would do']],
  secrets: [['secrets', 'print names and users of the secrets, never their values']],
  'secrets change': [
    ['secrets change database', 'give a secret a new random value'],
    ['secrets change database --value-file new-password', 'take the value from a file'],
  ],
  agent: [['agent status', 'print the components of this node']],
  'agent run': [['agent run', 'keep the services of this node; systemd runs this']],
  'agent status': [['agent status', 'print the components of this node, their states and since when']],
  'agent reload': [['agent reload', 'have the agent read its definitions again']],
  'agent copy-out': [['agent copy-out usr/bin/tool /usr/local/bin/tool layer1 layer2', 'copy a file out of two layers']],
  completion: [
    ['completion bash', 'print the script for bash; keep it in /etc/bash_completion.d/'],
    ['completion fish', 'print the one for fish; keep it in ~/.config/fish/completions/'],
  ],
  man: [
    ['man node add', 'print the page of a command; man -l shows it'],
    ['man --directory /usr/local/share/man/man1', 'write all pages where man finds them'],
  ],
  licenses: [['licenses --text', 'print the libraries with the texts of their licences']],
  version: [['version --json', 'print the version, commit, Node and platform as JSON']],
};

/** Returns the examples of a command, given by its words without the name of the program. A command that is not known has none. */
export function examplesOf(words: readonly string[]): readonly Example[] {
  return (EXAMPLES[words.join(' ')] ?? []).map(([line, about]) => ({ line, about }));
}
