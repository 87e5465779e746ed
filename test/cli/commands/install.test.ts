import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { useCommandSites, type CommandSite } from '../../support/command-site.ts';
import { ONE_NODE, THREE_NODES, type SampleNode } from '../../support/sample-install.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const directory = useTempDir();
const { bundles, bare, installed } = useCommandSites(directory);

/** A site with one file that somebody changed by hand on its seed. */
async function changedByHand(nodes: readonly SampleNode[]): Promise<CommandSite> {
  const made = await installed(nodes);
  made.site.machine(nodes[0]?.name ?? '').write('/etc/docker/daemon.json', '{}', 0o644);
  return made;
}

function words(...more: readonly string[]): readonly string[] {
  return ['install', '--offline', '--bundle', bundles().bundle, '--cluster', join(directory(), 'cluster.yaml'), ...more];
}

function states({ site }: CommandSite): readonly unknown[] {
  return site.machines.map((machine) => machine.state({ exact: true }));
}

/** The text of a run on a site that was changed by hand, when the question is answered with `typed` and that is no yes. */
function refusedAfter(typed: string): string {
  return `[stderr]
~ n1: file /etc/docker/daemon.json (docker): its content differs; it was changed on the host
~ n1: unit docker.service (docker): it runs with an older /etc/docker/daemon.json
What follows:
  docker on n1 restarts; meanwhile it does not serve store, web
  store on n1 restarts; meanwhile it does not serve web
  web on n1 restarts
Run 4 steps on 1 host of "sample"? [y/N] ${typed}
Error INTERRUPTED: Stopped before anything was changed
[status 130]`;
}

describe('caisson install --plan', () => {
  it('prints every resource that a bare host gets, then the steps in their order', async () => {
    const { told } = await bare(ONE_NODE);
    expect(await told(words('--plan'))).toMatchInlineSnapshot(`
      "[stdout]
      + n1: bundle SEED/var/lib/caisson/bundles/sample-1.2-DIGEST.tar (caisson-seed): it is not there yet
      + n1: executable /usr/local/bin/caisson (caisson-seed): it is not there yet
      + n1: link /usr/local/bin/samplectl (caisson-seed): it is not there yet
      + n1: directory SEED/etc/caisson (caisson-seed): it is not there yet
      + n1: directory SEED/etc/caisson/pki (caisson-seed): it is not there yet
      + n1: file SEED/etc/caisson/pki/ca.crt (caisson-seed): it is not there yet
      + n1: certificate operator (caisson-seed): it is not there yet
      + n1: directory SEED/etc/caisson/depot (caisson-seed): it is not there yet
      + n1: certificate depot (caisson-seed): it is not there yet
      + n1: file /etc/systemd/system/caisson-depot.service (caisson-seed): it is not there yet
      + n1: unit caisson-depot.service (caisson-seed): it is not there yet
      + n1: file /etc/systemd/system/caisson-renewal.service (caisson-seed): it is not there yet
      + n1: file /etc/systemd/system/caisson-renewal.timer (caisson-seed): it is not there yet
      + n1: unit caisson-renewal.timer (caisson-seed): it is not there yet
      + n1: block /etc/hosts#caisson (caisson): it is not there yet
      + n1: directory /etc/caisson (caisson): it is not there yet
      + n1: directory /etc/caisson/pki (caisson): it is not there yet
      + n1: file /etc/caisson/pki/ca.crt (caisson): it is not there yet
      + n1: certificate node (caisson): it is not there yet
      + n1: directory /etc/docker (caisson): it is not there yet
      + n1: directory /etc/docker/certs.d (caisson): it is not there yet
      + n1: directory /etc/docker/certs.d/depot.sample.internal:PORT (caisson): it is not there yet
      + n1: file /etc/docker/certs.d/depot.sample.internal:PORT/ca.crt (caisson): it is not there yet
      + n1: directory /etc/docker/certs.d/registry.example (caisson): it is not there yet
      + n1: file /etc/docker/certs.d/registry.example/ca.crt (caisson): it is not there yet
      + n1: directory /var/lib/caisson (caisson): it is not there yet
      + n1: directory /var/lib/caisson/apt (caisson): it is not there yet
      + n1: directory /var/lib/caisson/apt/lists (caisson): it is not there yet
      + n1: directory /etc/caisson/apt (caisson): it is not there yet
      + n1: file /etc/caisson/apt/repository.asc (caisson): it is not there yet
      + n1: file /etc/caisson/apt/sources.list (caisson): it is not there yet
      + n1: file /etc/caisson/apt/apt.conf (caisson): it is not there yet
      + n1: package-source /etc/caisson/apt/updated-for (caisson): it is not there yet
      + n1: directory /opt/sample (caisson): it is not there yet
      + n1: directory /opt/sample/conf (caisson): it is not there yet
      + n1: directory /var/lib/caisson/agent (caisson): it is not there yet
      + n1: file /etc/caisson/agent.yaml (caisson): it is not there yet
      + n1: file /etc/systemd/system/caisson-agent.service (caisson): it is not there yet
      + n1: unit caisson-agent.service (caisson): it is not there yet
      + n1: package jq (caisson): it is not there yet
      + n1: file /etc/docker/daemon.json (docker): it is not there yet
      + n1: package docker.io (docker): it is not there yet
      + n1: package iptables (docker): it is not there yet
      + n1: unit docker.service (docker): it is not there yet
      + n1: definition /opt/sample/conf/docker.yaml (docker): it is not there yet
      + n1: directory /opt/sample/data (store): it is not there yet
      + n1: file /opt/sample/store.conf (store): it is not there yet
      + n1: directory /opt/sample/ssl (store): it is not there yet
      + n1: certificate store/tls (store): it is not there yet
      + n1: image registry.example/store:1 (store): it is not there yet
      + n1: definition /opt/sample/conf/store.yaml (store): it is not there yet
      + n1: image registry.example/web:1 (web): it is not there yet
      + n1: definition /opt/sample/conf/web.yaml (web): it is not there yet
      Packages that come, with what they need:
        n1: 3 new (jq 1.6-2.1, docker.io 20.10.24+dfsg1-1+b3, iptables 1.8.9-2)
      sample 1.2 is not signed: compare its digest, sha256:DIGEST, with the one that its builder tells you

      HOST  PHASE                 STEP
      n1    record                note what the site will have on this host
      n1    stage-bundle          copy and verify the bundle
      n1    stage-bundle          place the program of the bundle
      n1    start-depot           make the certificate authority and the keys of this site
      n1    start-depot           serve the bundle
      n1    prepare-hosts         write names of the cluster, trust and settings of the site
      n1    prepare-hosts         take the metadata of the packages that the depot serves
      n1    prepare-hosts         install packages of its roles: jq
      n1    prepare-hosts         run the agent
      n1    configure-components  configure docker
      n1    install-packages      install packages for docker: docker.io, iptables
      n1    start-components      start docker
      n1    configure-components  configure store
      n1    pull-images           pull registry.example/store:1
      n1    start-components      start store
      n1    pull-images           pull registry.example/web:1
      n1    start-components      start web
      n1    record                note what the site has on this host

      18 steps would run; nothing was changed
      Resources: 53 to add, 0 to change, 0 to remove, 13 as declared
      [status 0]"
    `);
  });

  it('prints what is added and changed in the order of the components, then what is removed, then what follows', async () => {
    const { told, site } = await installed(THREE_NODES);
    site.machine('f1').images.delete('registry.example/web:1');
    const next = ['install', '--offline', '--bundle', bundles().next, '--cluster', join(directory(), 'cluster.yaml')];
    expect(await told([...next, '--plan'])).toMatchInlineSnapshot(`
      "[stdout]
      + m1: bundle SEED/var/lib/caisson/bundles/sample-1.3-DIGEST.tar (caisson-seed): it is not there yet
      ~ m1: file /etc/systemd/system/caisson-depot.service (caisson-seed): its content differs; it is declared otherwise now
      ~ m1: unit caisson-depot.service (caisson-seed): /etc/systemd/system/caisson-depot.service changes
      ~ m1: package-source /etc/caisson/apt/updated-for (caisson): its metadata are those of another bundle; it is declared otherwise now
      ~ f1: package-source /etc/caisson/apt/updated-for (caisson): its metadata are those of another bundle; it is declared otherwise now
      ~ f2: package-source /etc/caisson/apt/updated-for (caisson): its metadata are those of another bundle; it is declared otherwise now
      ~ m1: file /opt/sample/store.conf (store): its content differs; it is declared otherwise now
      ~ m1: definition /opt/sample/conf/store.yaml (store): its content differs; it is declared otherwise now
      + f1: file /opt/sample/web.conf (web): it is not there yet
      + f1: image registry.example/web:1 (web): the record has it, the host does not
      ~ f1: definition /opt/sample/conf/web.yaml (web): its content differs; it is declared otherwise now
      + f2: file /opt/sample/web.conf (web): it is not there yet
      ~ f2: definition /opt/sample/conf/web.yaml (web): its content differs; it is declared otherwise now
      - m1: package jq (caisson): it is not wanted any more
      What follows:
        store on m1 restarts; meanwhile it does not serve web
        web on f1 restarts
        web on f2 restarts
      sample 1.3 is not signed: compare its digest, sha256:DIGEST, with the one that its builder tells you

      HOST  PHASE                 STEP
      m1    record                note what the site will have on this host
      m1    stage-bundle          copy and verify the bundle
      m1    start-depot           make the certificate authority and the keys of this site
      m1    start-depot           serve the bundle
      f1    record                note what the site will have on this host
      f2    record                note what the site will have on this host
      m1    prepare-hosts         take the metadata of the packages that the depot serves
      f1    prepare-hosts         take the metadata of the packages that the depot serves
      f2    prepare-hosts         take the metadata of the packages that the depot serves
      m1    configure-components  configure store
      m1    start-components      restart store
      f1    configure-components  configure web
      f1    pull-images           pull registry.example/web:1
      f1    start-components      restart web
      f2    configure-components  configure web
      f2    start-components      restart web
      m1    remove                remove from this host what is not wanted any more: jq
      m1    record                note what the site has on this host
      f1    record                note what the site has on this host
      f2    record                note what the site has on this host

      20 steps would run; nothing was changed
      Resources: 4 to add, 9 to change, 1 to remove, 139 as declared
      [status 0]"
    `);
  });

  it('says of a package that was there before that it stays', async () => {
    const { told, site } = await bare(ONE_NODE);
    site.machine('n1').installPackage('jq');
    await site.install();
    const text = await told(['install', '--offline', '--bundle', bundles().next, '--plan']);
    expect(text.split('\n').filter((line) => /jq|^Resources/.test(line))).toMatchInlineSnapshot(`
      [
        "- n1: package jq (caisson): it was there before, and stays",
        "n1    remove                let go of what this host does not need any more, and leave it there: jq",
        "Resources: 2 to add, 6 to change, 0 to remove, 1 to let go that stay, 59 as declared",
      ]
    `);
  });

  it('gives the same as data with --json', async () => {
    const { run } = await changedByHand(ONE_NODE);
    const { status, out, err } = await run(words('--plan', '--json'));
    expect({ status, err }).toEqual({ status: 0, err: '' });
    const { changes, ...rest } = JSON.parse(out) as { readonly changes: readonly { readonly action: string }[] };
    expect(changes.filter(({ action }) => action !== 'keep')).toMatchInlineSnapshot(`
      [
        {
          "action": "change",
          "host": "n1",
          "key": "/etc/docker/daemon.json",
          "kind": "file",
          "owner": "docker",
          "reason": "its content differs; it was changed on the host",
        },
        {
          "action": "change",
          "host": "n1",
          "key": "docker.service",
          "kind": "unit",
          "owner": "docker",
          "reason": "it runs with an older /etc/docker/daemon.json",
        },
      ]
    `);
    expect(rest).toMatchInlineSnapshot(`
      {
        "consequences": [
          {
            "component": "docker",
            "host": "n1",
            "unserved": [
              "store",
              "web",
            ],
            "what": "restarts",
          },
          {
            "component": "store",
            "host": "n1",
            "unserved": [
              "web",
            ],
            "what": "restarts",
          },
          {
            "component": "web",
            "host": "n1",
            "unserved": [],
            "what": "restarts",
          },
        ],
        "notes": [],
        "open": 4,
        "packages": [],
        "steps": [
          {
            "host": "n1",
            "id": "record/n1/claim",
            "needs": [],
            "phase": "record",
            "summary": "note what the site will have on this host",
            "type": "record",
          },
          {
            "host": "n1",
            "id": "start-depot/n1/answers",
            "needs": [
              "record/n1/claim",
            ],
            "phase": "start-depot",
            "summary": "wait until the depot serves the bundle",
            "type": "depot",
          },
          {
            "host": "n1",
            "id": "configure-components/n1/docker-configure",
            "needs": [
              "record/n1/claim",
              "start-depot/n1/answers",
            ],
            "phase": "configure-components",
            "summary": "configure docker",
            "type": "make",
          },
          {
            "host": "n1",
            "id": "start-components/n1/docker-start",
            "needs": [
              "record/n1/claim",
              "start-depot/n1/answers",
              "configure-components/n1/docker-configure",
            ],
            "phase": "start-components",
            "summary": "restart docker",
            "type": "make",
          },
          {
            "host": "n1",
            "id": "check-components/n1/docker",
            "needs": [
              "record/n1/claim",
              "start-depot/n1/answers",
              "configure-components/n1/docker-configure",
              "start-components/n1/docker-start",
            ],
            "phase": "check-components",
            "summary": "wait until docker is healthy again",
            "type": "gate",
          },
          {
            "host": "n1",
            "id": "check-components/n1/store-after-docker",
            "needs": [
              "start-components/n1/docker-start",
            ],
            "phase": "check-components",
            "summary": "wait until store is healthy again",
            "type": "gate",
          },
          {
            "host": "n1",
            "id": "check-components/n1/web-after-docker",
            "needs": [
              "start-components/n1/docker-start",
            ],
            "phase": "check-components",
            "summary": "wait until web is healthy again",
            "type": "gate",
          },
          {
            "host": "n1",
            "id": "check-components/n1/store",
            "needs": [
              "record/n1/claim",
              "start-depot/n1/answers",
              "check-components/n1/docker",
            ],
            "phase": "check-components",
            "summary": "wait until store is healthy",
            "type": "gate",
          },
          {
            "host": "n1",
            "id": "check-components/n1/web",
            "needs": [
              "record/n1/claim",
              "start-depot/n1/answers",
              "check-components/n1/docker",
              "check-components/n1/store",
            ],
            "phase": "check-components",
            "summary": "wait until web is healthy",
            "type": "gate",
          },
          {
            "host": "n1",
            "id": "record/n1/settle",
            "needs": [
              "record/n1/claim",
              "start-depot/n1/answers",
              "configure-components/n1/docker-configure",
              "start-components/n1/docker-start",
              "check-components/n1/docker",
              "check-components/n1/store-after-docker",
              "check-components/n1/web-after-docker",
              "check-components/n1/store",
              "check-components/n1/web",
            ],
            "phase": "record",
            "summary": "note what the site has on this host",
            "type": "record",
          },
        ],
        "type": "result",
      }
    `);
  });

  it('says that nothing would be changed where all is as declared', async () => {
    const { told } = await installed(ONE_NODE);
    expect(await told(words('--plan'))).toMatchInlineSnapshot(`
      "[stdout]
      Everything is as declared; nothing would be changed
      [status 0]"
    `);
  });
});

describe('caisson install', () => {
  it('shows the changes and asks; on yes it runs the steps and says what came of them', async () => {
    const { told, site } = await changedByHand(ONE_NODE);
    expect(await told(words(), { typed: 'yes\n' })).toMatchInlineSnapshot(`
      "[stderr]
      ~ n1: file /etc/docker/daemon.json (docker): its content differs; it was changed on the host
      ~ n1: unit docker.service (docker): it runs with an older /etc/docker/daemon.json
      What follows:
        docker on n1 restarts; meanwhile it does not serve store, web
        store on n1 restarts; meanwhile it does not serve web
        web on n1 restarts
      Run 4 steps on 1 host of "sample"? [y/N] yes
      00:00:00Z n1  note what the site will have on this host …
      00:00:00Z n1  note what the site will have on this host: done in 0 ms
      00:00:00Z n1  wait until the depot serves the bundle: already so
      00:00:00Z n1  configure docker …
      00:00:00Z n1  configure docker: done in 0 ms
      00:00:00Z n1  restart docker …
      00:00:00Z n1  restart docker: done in 0 ms
      00:00:00Z n1  wait until docker is healthy again: already so
      00:00:00Z n1  wait until store is healthy again: already so
      00:00:00Z n1  wait until web is healthy again: already so
      00:00:00Z n1  wait until store is healthy: already so
      00:00:00Z n1  wait until web is healthy: already so
      00:00:00Z n1  note what the site has on this host …
      00:00:00Z n1  note what the site has on this host: done in 0 ms
      [stdout]
      Done: 4 of 10 steps changed something (0 s)
      Look at the cluster with: caisson cluster
      [status 0]"
    `);
    expect(site.machine('n1').text('/etc/docker/daemon.json')).toBe('{ "log-driver": "json-file" }\n');
  });

  it('ends with 130 and changes nothing when the answer is no', async () => {
    const made = await changedByHand(ONE_NODE);
    const before = states(made);
    expect(await made.told(words(), { typed: 'n\n' })).toBe(refusedAfter('n'));
    for (const typed of ['\n', 'yesterday\n']) expect(await made.run(words(), { typed })).toMatchObject({ status: 130, out: '' });
    expect(states(made)).toEqual(before);
  });

  it('takes the end of the input for a no', async () => {
    const made = await changedByHand(ONE_NODE);
    const before = states(made);
    expect(await made.told(words(), { typed: '' })).toBe(refusedAfter(''));
    expect(states(made)).toEqual(before);
  });

  it('shows what it asks for with --quiet, too', async () => {
    const { told } = await changedByHand(ONE_NODE);
    expect(await told(words('--quiet'), { typed: 'n\n' })).toBe(refusedAfter('n'));
  });

  it('ends with 2 and changes nothing where there is no terminal to ask on', async () => {
    const made = await changedByHand(ONE_NODE);
    const before = states(made);
    expect(await made.told(words())).toMatchInlineSnapshot(`
      "[stderr]
      ~ n1: file /etc/docker/daemon.json (docker): its content differs; it was changed on the host
      ~ n1: unit docker.service (docker): it runs with an older /etc/docker/daemon.json
      What follows:
        docker on n1 restarts; meanwhile it does not serve store, web
        store on n1 restarts; meanwhile it does not serve web
        web on n1 restarts
      Error USAGE: Cannot ask before the first change: the input is not a terminal; nothing was changed
        Read the plan above (--plan prints it with its steps), then run this again with --yes
      [status 2]"
    `);
    expect(states(made)).toEqual(before);
  });

  it('tells plan, steps and result as JSON lines with --json', async () => {
    const { told } = await changedByHand(ONE_NODE);
    expect(await told(words('--yes', '--json'))).toMatchInlineSnapshot(`
      "[stdout]
      {"type":"note","message":"~ n1: file /etc/docker/daemon.json (docker): its content differs; it was changed on the host","time":"2026-01-01T00:00:00.000Z"}
      {"type":"note","message":"~ n1: unit docker.service (docker): it runs with an older /etc/docker/daemon.json","time":"2026-01-01T00:00:00.000Z"}
      {"type":"note","message":"What follows:","time":"2026-01-01T00:00:00.000Z"}
      {"type":"note","message":"  docker on n1 restarts; meanwhile it does not serve store, web","time":"2026-01-01T00:00:00.000Z"}
      {"type":"note","message":"  store on n1 restarts; meanwhile it does not serve web","time":"2026-01-01T00:00:00.000Z"}
      {"type":"note","message":"  web on n1 restarts","time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.started","phase":"record","step":"record/n1/claim","host":"n1","summary":"note what the site will have on this host","time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.finished","phase":"record","step":"record/n1/claim","host":"n1","summary":"note what the site will have on this host","outcome":"done","ms":0,"time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.finished","phase":"start-depot","step":"start-depot/n1/answers","host":"n1","summary":"wait until the depot serves the bundle","outcome":"already","ms":0,"time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.started","phase":"configure-components","step":"configure-components/n1/docker-configure","host":"n1","summary":"configure docker","time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.finished","phase":"configure-components","step":"configure-components/n1/docker-configure","host":"n1","summary":"configure docker","outcome":"done","ms":0,"time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.started","phase":"start-components","step":"start-components/n1/docker-start","host":"n1","summary":"restart docker","time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.finished","phase":"start-components","step":"start-components/n1/docker-start","host":"n1","summary":"restart docker","outcome":"done","ms":0,"time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.finished","phase":"check-components","step":"check-components/n1/docker","host":"n1","summary":"wait until docker is healthy again","outcome":"already","ms":0,"time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.finished","phase":"check-components","step":"check-components/n1/store-after-docker","host":"n1","summary":"wait until store is healthy again","outcome":"already","ms":0,"time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.finished","phase":"check-components","step":"check-components/n1/web-after-docker","host":"n1","summary":"wait until web is healthy again","outcome":"already","ms":0,"time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.finished","phase":"check-components","step":"check-components/n1/store","host":"n1","summary":"wait until store is healthy","outcome":"already","ms":0,"time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.finished","phase":"check-components","step":"check-components/n1/web","host":"n1","summary":"wait until web is healthy","outcome":"already","ms":0,"time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.started","phase":"record","step":"record/n1/settle","host":"n1","summary":"note what the site has on this host","time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.finished","phase":"record","step":"record/n1/settle","host":"n1","summary":"note what the site has on this host","outcome":"done","ms":0,"time":"2026-01-01T00:00:00.000Z"}
      {"type":"result","steps":10,"changed":4,"seconds":0}
      [status 0]"
    `);
  });

  it('asks nothing and says so where nothing is to be done', async () => {
    const { told } = await installed(ONE_NODE);
    expect(await told(words())).toMatchInlineSnapshot(`
      "[stderr]
      00:00:00Z n1  wait until the depot serves the bundle: already so
      00:00:00Z n1  wait until docker is healthy: already so
      00:00:00Z n1  wait until store is healthy: already so
      00:00:00Z n1  wait until web is healthy: already so
      [stdout]
      Everything was as declared; nothing was changed (0 s)
      [status 0]"
    `);
  });

  it('names the step that failed, its reason on lines of its own, and what to do', async () => {
    const { told, site } = await installed(ONE_NODE);
    const n1 = site.machine('n1');
    n1.images.delete('registry.example/web:1');
    const run = n1.run.bind(n1);
    n1.run = async (command, options) =>
      command.argv[1] === 'pull' ? { exitCode: 1, stdout: '', stderr: 'disk:\nno space \u001b[31mleft' } : run(command, options);
    expect(await told(words('--yes'))).toMatchInlineSnapshot(`
      "[stderr]
      00:00:00Z + n1: image registry.example/web:1 (web): the record has it, the host does not
      00:00:00Z n1  note what the site will have on this host …
      00:00:00Z n1  note what the site will have on this host: done in 0 ms
      00:00:00Z n1  wait until the depot serves the bundle: already so
      00:00:00Z n1  wait until docker is healthy: already so
      00:00:00Z n1  wait until store is healthy: already so
      00:00:00Z n1  pull registry.example/web:1 …
      00:00:00Z n1  pull registry.example/web:1: FAILED: Cannot run "docker pull --quiet depot.sample.internal:PORT/registry.example/web@sha256:DIGEST..." on "n1": exit status 1, disk:
          no space \\x1b[31mleft
      Error INSTALL_FAILED: Cannot finish the run: 1 of its steps failed
        n1: pull registry.example/web:1: Cannot run "docker pull --quiet depot.sample.internal:PORT/registry.example/web@sha256:DIGEST..." on "n1": exit status 1, disk:
          no space \\x1b[31mleft
        2 later steps were not tried
        Remedy what is named above and run the same command again: what is done stays done
      [status 6]"
    `);
  });

  it('refuses a conflict with the site and a host that does not fit, and ends with 6', async () => {
    const { told, site } = await installed(THREE_NODES);
    const other = join(directory(), 'other.yaml');
    await writeFile(other, (await readFile(join(directory(), 'cluster.yaml'), 'utf8')).replace('name: sample', 'name: other'));
    expect(await told(['install', '--offline', '--bundle', bundles().bundle, '--cluster', other, '--yes'])).toMatchInlineSnapshot(`
      "[stderr]
      Error SITE_CONFLICT: Cannot change this site: 1 conflict
        cluster.yaml: name: this site is "sample", and "other" is asked for
          Write name: sample. A second cluster needs a seed of its own
        Nothing was changed
      [status 6]"
    `);
    site.machine('f1').facts = { cpus: '0' };
    expect(await told(words('--yes'))).toMatchInlineSnapshot(`
      "[stderr]
      Error HOSTS_UNFIT: Cannot install on these hosts: 1 finding
        f1: it has 0 CPUs, role "front" wants 1
          Give it more CPUs, or give the role to another host
        Nothing was changed
      [status 6]"
    `);
  });

  it('wants --offline or --online', async () => {
    const { told } = await bare(ONE_NODE);
    expect(await told(['install', '--bundle', bundles().bundle, '--cluster', 'cluster.yaml'])).toMatchInlineSnapshot(`
      "[stderr]
      Error USAGE: Cannot install without --offline or --online: one of them says where everything comes from
        Add --offline to use nothing but the bundle, or --online with --lock FILE to let the seed fetch what the lock names
      [status 2]"
    `);
  });
});
