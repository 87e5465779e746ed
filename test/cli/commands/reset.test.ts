import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { seedLayout } from '../../../src/site/index.ts';
import { useCommandSites } from '../../support/command-site.ts';
import { ONE_NODE, THREE_NODES } from '../../support/sample-install.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const directory = useTempDir();
const { bundles, installed } = useCommandSites(directory);

/** Lines of a text without those of single resources, which are many. */
function withoutResources(text: string): string {
  return text
    .split('\n')
    .filter((line) => !line.startsWith('- '))
    .join('\n');
}

describe('caisson reset', () => {
  it('prints every resource that goes, what stays, what follows, and the steps with --plan', async () => {
    const { told } = await installed(ONE_NODE);
    expect(await told(['reset', '--plan'])).toMatchInlineSnapshot(`
      "[stdout]
      - n1: block /etc/hosts#caisson (caisson): it is not wanted any more
      - n1: bundle SEED/var/lib/caisson/bundles/sample-1.2-DIGEST.tar (caisson-seed): it is not wanted any more
      - n1: certificate depot (caisson-seed): it is not wanted any more
      - n1: certificate node (caisson): it is not wanted any more
      - n1: certificate operator (caisson-seed): it is not wanted any more
      - n1: certificate store/tls (store): it is not wanted any more
      - n1: definition /opt/sample/conf/docker.yaml (docker): it is not wanted any more
      - n1: definition /opt/sample/conf/store.yaml (store): it is not wanted any more
      - n1: definition /opt/sample/conf/web.yaml (web): it is not wanted any more
      - n1: directory /etc/caisson (caisson): it is not wanted any more
      - n1: directory /etc/caisson/apt (caisson): it is not wanted any more
      - n1: directory /etc/caisson/pki (caisson): it is not wanted any more
      - n1: directory /etc/docker (caisson): it is not wanted any more
      - n1: directory /etc/docker/certs.d (caisson): it is not wanted any more
      - n1: directory /etc/docker/certs.d/depot.sample.internal:PORT (caisson): it is not wanted any more
      - n1: directory /etc/docker/certs.d/registry.example (caisson): it is not wanted any more
      - n1: directory /opt/sample (caisson): it has data below it, and stays
      - n1: directory /opt/sample/conf (caisson): it is not wanted any more
      - n1: directory /opt/sample/data (store): it holds data, and stays
      - n1: directory /opt/sample/ssl (store): it is not wanted any more
      - n1: directory SEED/etc/caisson (caisson-seed): it is not wanted any more
      - n1: directory SEED/etc/caisson/depot (caisson-seed): it is not wanted any more
      - n1: directory SEED/etc/caisson/pki (caisson-seed): it is not wanted any more
      - n1: directory /var/lib/caisson (caisson): it is not wanted any more
      - n1: directory /var/lib/caisson/agent (caisson): it is not wanted any more
      - n1: directory /var/lib/caisson/apt (caisson): it is not wanted any more
      - n1: directory /var/lib/caisson/apt/lists (caisson): it is not wanted any more
      - n1: executable /usr/local/bin/caisson (caisson-seed): it is not wanted any more
      - n1: file /etc/caisson/agent.yaml (caisson): it is not wanted any more
      - n1: file /etc/caisson/apt/apt.conf (caisson): it is not wanted any more
      - n1: file /etc/caisson/apt/repository.asc (caisson): it is not wanted any more
      - n1: file /etc/caisson/apt/sources.list (caisson): it is not wanted any more
      - n1: file /etc/caisson/pki/ca.crt (caisson): it is not wanted any more
      - n1: file /etc/docker/certs.d/depot.sample.internal:PORT/ca.crt (caisson): it is not wanted any more
      - n1: file /etc/docker/certs.d/registry.example/ca.crt (caisson): it is not wanted any more
      - n1: file /etc/docker/daemon.json (docker): it is not wanted any more
      - n1: file /etc/systemd/system/caisson-agent.service (caisson): it is not wanted any more
      - n1: file /etc/systemd/system/caisson-depot.service (caisson-seed): it is not wanted any more
      - n1: file /etc/systemd/system/caisson-renewal.service (caisson-seed): it is not wanted any more
      - n1: file /etc/systemd/system/caisson-renewal.timer (caisson-seed): it is not wanted any more
      - n1: file /opt/sample/store.conf (store): it is not wanted any more
      - n1: file SEED/etc/caisson/pki/ca.crt (caisson-seed): it is not wanted any more
      - n1: image registry.example/store:1 (store): it is not wanted any more
      - n1: image registry.example/web:1 (web): it is not wanted any more
      - n1: link /usr/local/bin/samplectl (caisson-seed): it is not wanted any more
      - n1: package docker.io (docker): it is not wanted any more
      - n1: package iptables (docker): it is not wanted any more
      - n1: package jq (caisson): it is not wanted any more
      - n1: package-source /etc/caisson/apt/updated-for (caisson): it is not wanted any more
      - n1: unit caisson-agent.service (caisson): it is not wanted any more
      - n1: unit caisson-depot.service (caisson-seed): it is not wanted any more
      - n1: unit caisson-renewal.timer (caisson-seed): it is not wanted any more
      - n1: unit docker.service (docker): it is not wanted any more
      What follows:
        web on n1 is removed
        store on n1 is removed
        docker on n1 is removed

      HOST  PHASE   STEP
      n1    record  note what the site will have on this host
      n1    remove  remove web
      n1    remove  remove store; data stay in /opt/sample/data
      n1    remove  remove docker
      n1    remove  remove what the site has on this host
      n1    remove  remove the depot and its bundles
      n1    record  let the host go: it belongs to no site any more

      7 steps would run; nothing was changed
      Resources: 0 to add, 0 to change, 51 to remove, 2 to let go that stay, 0 as declared
      [status 0]"
    `);
  });

  it('says of data, keys and secrets with --purge that they are removed for good', async () => {
    const { told } = await installed(THREE_NODES);
    const text = await told(['reset', '--purge', '--plan']);
    expect(text.split('\n').filter((line) => line.includes('/opt/sample/data'))).toMatchInlineSnapshot(`
      [
        "- m1: directory /opt/sample/data (store): it is not wanted any more, and its data are purged",
      ]
    `);
    expect(withoutResources(text)).toMatchInlineSnapshot(`
      "[stdout]
      What follows:
        web on f1 is removed
        web on f2 is removed
        store on m1 is removed
        docker on m1 is removed
        docker on f1 is removed
        docker on f2 is removed
      Is removed for good: the data above, and the keys, secrets and bundles on the seed

      HOST  PHASE   STEP
      m1    record  note what the site will have on this host
      f1    record  note what the site will have on this host
      f2    record  note what the site will have on this host
      f1    remove  remove web
      f2    remove  remove web
      m1    remove  remove store
      m1    remove  remove docker
      m1    remove  remove what the site has on this host
      m1    remove  remove the depot and its bundles
      f1    remove  remove docker
      f1    remove  remove what the site has on this host
      f2    remove  remove docker
      f2    remove  remove what the site has on this host
      m1    record  let the host go: it belongs to no site any more
      f1    record  let the host go: it belongs to no site any more
      f2    record  let the host go: it belongs to no site any more

      16 steps would run; nothing was changed
      Resources: 0 to add, 0 to change, 119 to remove, 0 as declared
      [status 0]"
    `);
  });

  it('asks, and on no ends with 130 and leaves the hosts as they are', async () => {
    const { told, site } = await installed(THREE_NODES);
    const before = site.machines.map((machine) => machine.state({ exact: true }));
    expect(withoutResources(await told(['reset'], { typed: 'n\n' }))).toMatchInlineSnapshot(`
      "[stderr]
      What follows:
        web on f1 is removed
        web on f2 is removed
        store on m1 is removed
        docker on m1 is removed
        docker on f1 is removed
        docker on f2 is removed
      Run 16 steps on 3 hosts of "sample"? [y/N] n
      Error INTERRUPTED: Stopped before anything was changed
      [status 130]"
    `);
    expect(site.machines.map((machine) => machine.state({ exact: true }))).toEqual(before);
  });

  it('removes the cluster on yes and says what stays where; a second one says that nothing is left', async () => {
    const { told, site } = await installed(ONE_NODE);
    expect(withoutResources(await told(['reset'], { typed: 'y\n' }))).toMatchInlineSnapshot(`
      "[stderr]
      What follows:
        web on n1 is removed
        store on n1 is removed
        docker on n1 is removed
      Run 7 steps on 1 host of "sample"? [y/N] y
      00:00:00Z n1  note what the site will have on this host …
      00:00:00Z n1  note what the site will have on this host: done in 0 ms
      00:00:00Z n1  remove web …
      00:00:00Z n1  remove web: done in 0 ms
      00:00:00Z n1  remove store; data stay in /opt/sample/data …
      00:00:00Z n1  remove store; data stay in /opt/sample/data: done in 0 ms
      00:00:00Z n1  remove docker …
      00:00:00Z n1  remove docker: done in 0 ms
      00:00:00Z n1  remove what the site has on this host …
      00:00:00Z n1  remove what the site has on this host: done in 0 ms
      00:00:00Z n1  remove the depot and its bundles …
      00:00:00Z n1  remove the depot and its bundles: done in 0 ms
      00:00:00Z n1  let the host go: it belongs to no site any more …
      00:00:00Z n1  let the host go: it belongs to no site any more: done in 0 ms
      [stdout]
      Removed the cluster: 7 steps changed something (0 s)
      Data stay on the hosts, keys and secrets on the seed; a new install uses them again
      [status 0]"
    `);
    expect(existsSync(seedLayout(site.seedRoot).secrets)).toBe(true);
    expect(await told(['reset', '--bundle', bundles().bundle, '--cluster', `${directory()}/cluster.yaml`])).toMatchInlineSnapshot(`
      "[stdout]
      Nothing of a cluster was left to remove (0 s)
      [status 0]"
    `);
  });

  it('says with --purge where the journal stays', async () => {
    const { told, site } = await installed(ONE_NODE);
    expect(withoutResources(await told(['reset', '--purge', '--yes', '--quiet']))).toMatchInlineSnapshot(`
      "[stdout]
      Removed the cluster: 7 steps changed something (0 s)
      The journal of what was done stays on the seed: /var/lib/caisson/journal.jsonl
      [status 0]"
    `);
    expect(existsSync(seedLayout(site.seedRoot).secrets)).toBe(false);
    expect(existsSync(seedLayout(site.seedRoot).journal)).toBe(true);
  });

  it('tells changes, steps and result as JSON lines with --json', async () => {
    const { run } = await installed(ONE_NODE);
    const { status, out, err } = await run(['reset', '--yes', '--json']);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    const lines = out
      .trimEnd()
      .split('\n')
      .filter((line) => !line.startsWith('{"type":"note","message":"- '));
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "{"type":"note","message":"What follows:","time":"2026-01-01T00:00:00.000Z"}
      {"type":"note","message":"  web on n1 is removed","time":"2026-01-01T00:00:00.000Z"}
      {"type":"note","message":"  store on n1 is removed","time":"2026-01-01T00:00:00.000Z"}
      {"type":"note","message":"  docker on n1 is removed","time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.started","phase":"record","step":"record/n1/claim","host":"n1","summary":"note what the site will have on this host","time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.finished","phase":"record","step":"record/n1/claim","host":"n1","summary":"note what the site will have on this host","outcome":"done","ms":0,"time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.started","phase":"remove","step":"remove/n1/web","host":"n1","summary":"remove web","time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.finished","phase":"remove","step":"remove/n1/web","host":"n1","summary":"remove web","outcome":"done","ms":0,"time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.started","phase":"remove","step":"remove/n1/store","host":"n1","summary":"remove store; data stay in /opt/sample/data","time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.finished","phase":"remove","step":"remove/n1/store","host":"n1","summary":"remove store; data stay in /opt/sample/data","outcome":"done","ms":0,"time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.started","phase":"remove","step":"remove/n1/docker","host":"n1","summary":"remove docker","time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.finished","phase":"remove","step":"remove/n1/docker","host":"n1","summary":"remove docker","outcome":"done","ms":0,"time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.started","phase":"remove","step":"remove/n1/caisson","host":"n1","summary":"remove what the site has on this host","time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.finished","phase":"remove","step":"remove/n1/caisson","host":"n1","summary":"remove what the site has on this host","outcome":"done","ms":0,"time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.started","phase":"remove","step":"remove/n1/caisson-seed","host":"n1","summary":"remove the depot and its bundles","time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.finished","phase":"remove","step":"remove/n1/caisson-seed","host":"n1","summary":"remove the depot and its bundles","outcome":"done","ms":0,"time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.started","phase":"record","step":"record/n1/release","host":"n1","summary":"let the host go: it belongs to no site any more","time":"2026-01-01T00:00:00.000Z"}
      {"type":"step.finished","phase":"record","step":"record/n1/release","host":"n1","summary":"let the host go: it belongs to no site any more","outcome":"done","ms":0,"time":"2026-01-01T00:00:00.000Z"}
      {"type":"result","steps":7,"changed":7,"seconds":0}"
    `);
  });
});
