import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proveAirGap } from '../air-gap.ts';
import { eventually } from '../eventually.ts';
import { aptMirror } from '../prerequisites.ts';
import { THREE_ROLES } from '../scenario.ts';
import { changedLater } from './changed-later.ts';
import { endStateOf, type EndState } from './end-state.ts';
import { planSteps, runInstall, type InstallReport, type PlannedSteps } from './installer.ts';
import { keptWell } from './kept-well.ts';
import { documentedSockets, listeningSockets } from './listening.ts';
import { clusterState, containersOf, digestsOf, httpGet, httpsGet, promised, startTimes, untilHealthy, watchFiles } from './observe.ts';
import { BUILDER_SECRET, pushImage } from './push-image.ts';
import { everywhere, openSite, type GetSide, type Site } from './site.ts';

/** Which containers the roles of the shipped manifests bring to each host. */
const CONTAINERS: Readonly<Record<string, readonly string[]>> = {
  m1: ['etcd', 'rbd-db', 'rbd-dns', 'rbd-hub', 'rbd-monitor'],
  g1: ['etcd-proxy', 'rbd-dns', 'rbd-gateway'],
  c1: ['etcd-proxy', 'rbd-dns'],
};
/** What runs on each host beside the containers: units of packages. */
const UNITS: Readonly<Record<string, readonly string[]>> = { m1: ['docker', 'rbd-hub-guard'], g1: ['docker'], c1: ['docker'] };
const AUTHORITY = '/etc/caisson/pki/ca.crt';
const DATABASE_SECRET = '/var/lib/caisson/secrets/db-root';

/** Registers the tests of a cluster of three hosts, one of each role. `keep` gets what an uninterrupted install ends in. */
export function threeRoles(side: GetSide, keep: (state: EndState) => void): void {
  let site: Site;
  let planned: PlannedSteps;
  let installed: InstallReport;
  let aptBefore: Readonly<Record<string, string>>;

  beforeAll(async () => {
    site = await openSite(side(), THREE_ROLES);
  });
  afterAll(async () => {
    await site?.stop();
  });

  describe('before the install', () => {
    it('is planned in steps, which changes nothing on any host', async () => {
      aptBefore = await everywhere(site, (node) => digestsOf(site, node, '/etc/apt'));
      const changed = await watchFiles(site);
      const plan = await planSteps(site);
      for (const phase of ['stage-bundle', 'start-depot', 'prepare-hosts', 'install-packages', 'pull-images', 'check-components']) {
        expect(plan.ids.some((id) => id.startsWith(`${phase}/`))).toBe(true);
      }
      expect(await everywhere(site, (node) => changed(node))).toEqual({ m1: [], g1: [], c1: [] });
      planned = plan;
    });
  });

  describe('the install', () => {
    it('runs the very steps of the plan, each of them once', async () => {
      installed = await runInstall(site);
      expect(installed.stderr).toBe('');
      expect(installed.status).toBe(0);
      console.log(`      installed three hosts in ${Math.round(installed.seconds)} s`);
      expect(installed.finished.map(([id]) => id).sort()).toEqual([...planned.ids].sort());
      // A component that became healthy while its host did other work has passed its gate already; the rest is as planned.
      const done = installed.finished.filter(([, outcome]) => outcome === 'done').map(([id]) => id);
      // The first member of etcd has its vote from the beginning, as the action finds out.
      expect(planned.open.filter((id) => !done.includes(id))).toEqual(['actions/m1/etcd-promote-member']);
      expect(installed.result).toMatchObject({ steps: planned.ids.length });
      keep(await endStateOf(site));
    });

    it('ends with every component healthy, which caisson cluster says', async () => {
      const report = await clusterState(site);
      expect(report).toMatchObject({ status: 0, healthy: true });
      const wanted = site.nodes.flatMap((node) =>
        [...(UNITS[node] ?? []), ...(CONTAINERS[node] ?? [])].map((name) => [`${node}/${name}`, 'healthy']),
      );
      expect(report.components).toEqual(Object.fromEntries(wanted));
      const table = await site.bash(site.seed, 'caisson cluster');
      expect(table).toContain(`${THREE_ROLES.name}: all healthy`);
    });
  });

  describe('containers', () => {
    it('run exactly the images of the bundle', async () => {
      for (const node of site.nodes) {
        const containers = await containersOf(site, node);
        expect(containers.map(({ name }) => name)).toEqual(CONTAINERS[node]);
        expect(containers.map(({ name, imageId }) => [name, imageId])).toEqual(promised(side().manifest, containers));
      }
    });
  });

  describe('etcd', () => {
    const tls = ['--cacert=/etc/etcd/ssl/ca.crt', '--cert=/etc/etcd/ssl/tls.crt', '--key=/etc/etcd/ssl/tls.key'];
    const ask = (...words: readonly string[]) =>
      site.try('m1', 'docker exec etcd etcdctl "$@" 2>&1', { parameters: [`--endpoints=https://${site.address('m1')}:2379`, ...words] });

    it('keeps a value for who shows a certificate of the cluster', async () => {
      expect((await ask(...tls, 'put', 'lab/key', 'value')).stdout).toBe('OK\n');
      expect((await ask(...tls, 'get', '--print-value-only', 'lab/key')).stdout).toBe('value\n');
      expect((await ask(...tls, 'endpoint', 'health')).stdout).toContain('is healthy');
    });

    it('refuses who shows none', async () => {
      expect((await ask('--cacert=/etc/etcd/ssl/ca.crt', '--dial-timeout=3s', 'get', 'lab/key')).status).not.toBe(0);
    });
  });

  describe('the hub', () => {
    const pushed = 'goodrain.me/lab/pushed:1';

    it('takes an image from one node and gives it to another, under the name of the registry', async () => {
      await pushImage(site, 'c1', 'goodrain.me/rbd-dns:latest', pushed);
      expect((await site.try('m1', 'docker image inspect "$1"', { parameters: [pushed] })).status).not.toBe(0);
      await site.bash('m1', 'docker pull --quiet "$1"', pushed);
      const ids = await everywhere(site, (node) =>
        node === 'g1' ? Promise.resolve('') : site.bash(node, 'docker image inspect --format "{{.Id}}" "$1"', pushed),
      );
      expect(ids['m1']).toMatch(/^sha256:/);
      expect(ids['m1']).toBe(ids['c1']);
    });

    it('takes nothing from who has no login: no layer, no image, no deletion', async () => {
      const ask = async (request: string, ...headers: readonly string[]): Promise<string> => {
        const script = `printf '%s HTTP/1.0\\r\\nHost: goodrain.me\\r\\nContent-Length: 0\\r\\n%b\\r\\n' "$2" "$3" |
          openssl s_client -quiet -no-CAfile -no-CApath -CAfile "$1" -verify_return_error -verify_hostname goodrain.me -servername goodrain.me -connect goodrain.me:443 2>/dev/null`;
        return (await site.try('c1', script, { parameters: [AUTHORITY, request, headers.map((header) => `${header}\\r\\n`).join('')] }))
          .stdout;
      };
      expect(await ask('GET /v2/lab/pushed/tags/list')).toMatch(/^HTTP\/1\.[01] 200 [^]*"lab\/pushed"/);
      const [, token = ''] = /"token":"([^"]+)"/.exec(await ask('GET /v2/token')) ?? [];
      expect(token).not.toBe('');
      const guessed = `Authorization: Basic ${Buffer.from('builder:guessed-password').toString('base64')}`;
      for (const headers of [[], [`Authorization: Bearer ${token}`], [guessed]]) {
        for (const request of ['POST /v2/lab/pushed/blobs/uploads/', 'PUT /v2/lab/pushed/manifests/1', 'DELETE /v2/lab/pushed/manifests/1'])
          expect([request, headers, await ask(request, ...headers)]).toEqual([
            request,
            headers,
            expect.stringMatching(/^HTTP\/1\.[01] 401 /),
          ]);
      }
      expect(await ask('GET /v2/token', guessed)).toMatch(/^HTTP\/1\.[01] 401 /);
      const refused = await site.try('c1', 'docker push "$1"', { parameters: [pushed] });
      expect(refused.status).not.toBe(0);
      expect(refused.stderr).toMatch(/unauthorized|denied|authentication required/);
    });

    it('answers gateways alone at its own port, and these without a login no better', async () => {
      const ask = async (node: string, request: string): Promise<string> => {
        const script = `exec 3<>"/dev/tcp/$1/5000"; printf '%s HTTP/1.0\\r\\nContent-Length: 0\\r\\n\\r\\n' "$2" >&3; timeout 10 head -n 1 <&3`;
        return site.bash(node, script, site.address('m1'), request);
      };
      expect(await ask('c1', 'GET /v2/_catalog')).toContain(' 403 ');
      expect(await ask('c1', 'POST /v2/lab/pushed/blobs/uploads/')).toContain(' 403 ');
      expect(await ask('g1', 'GET /v2/_catalog')).toContain(' 200 ');
      expect(await ask('g1', 'POST /v2/lab/pushed/blobs/uploads/')).toContain(' 401 ');
    });

    it('has every image of the bundle, under its name and with its digest', async () => {
      const images = side().manifest.images.map(({ name, root }) => `${name.replace(/:[^:/]*$/, '')}@${root.digest}`);
      expect(images.length).toBeGreaterThan(20);
      const pull = 'for image do docker pull --quiet "$image" && docker image rm "$image" >/dev/null || exit 1; done';
      const pulled = await site.bash('m1', pull, ...images);
      expect(pulled.split('\n')).toEqual(images);
    });

    it('is trusted for the authority of the site, not because TLS is not checked', async () => {
      for (const node of site.nodes) {
        const registries = await site.bash(node, "docker info --format '{{json .RegistryConfig}}'");
        expect(JSON.parse(registries)).toMatchObject({ InsecureRegistryCIDRs: ['127.0.0.0/8'], Mirrors: [] });
        expect(Object.keys((JSON.parse(registries) as { IndexConfigs: object }).IndexConfigs)).toEqual(['docker.io']);
      }
      const without = `mv /etc/docker/certs.d/goodrain.me /root/aside; docker pull "$1"; status=$?; mv /root/aside /etc/docker/certs.d/goodrain.me; exit $status`;
      const refused = await site.try('g1', without, { parameters: [pushed] });
      expect(refused.status).not.toBe(0);
      expect(refused.stderr).toContain('x509');
      await site.bash('g1', 'docker pull --quiet "$1"', pushed);
    });
  });

  describe('the database', () => {
    const query = (script: string, input = '') => site.try('m1', script, { input, parameters: [site.address('m1')] });

    it('answers a query with the password that was made for this site', async () => {
      const password = await site.bash('m1', 'cat "$1"', DATABASE_SECRET);
      expect(password).toMatch(/^[A-Za-z0-9]{24}$/);
      const answer = await query(
        'docker exec -i rbd-db mariadb --defaults-extra-file=/dev/stdin --host="$1" --user=root --batch --skip-column-names -e "SELECT 6 * 7"',
        `[client]\npassword=${password}\n`,
      );
      expect(answer.stdout).toBe('42\n');
    });

    it('refuses an empty password', async () => {
      const refused = await query('docker exec rbd-db mariadb --host="$1" --user=root --password= -e "SELECT 1"');
      expect(refused.status).not.toBe(0);
      expect(refused.stderr).toContain('Access denied');
    });
  });

  describe('the monitor', () => {
    it('scrapes every target that it has', async () => {
      await eventually(60_000, async () => {
        const answer = await httpGet(site, 'm1', '127.0.0.1:9999', '/api/v1/targets?state=active');
        const { data } = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as {
          data: { activeTargets: { labels: { job: string }; health: string }[] };
        };
        const health = Object.fromEntries(data.activeTargets.map(({ labels, health }) => [labels.job, health]));
        expect(health).toMatchObject({ prometheus: 'up', etcd: 'up' });
        expect(new Set(Object.values(health))).toEqual(new Set(['up']));
      });
    });
  });

  describe('the gateway', () => {
    it('passes a request for the registry on to the hub, and knows no other name', async () => {
      expect(await httpsGet(site, 'c1', 'goodrain.me', '/v2/_catalog', AUTHORITY)).toMatch(
        /^HTTP\/1\.[01] 200 [^]*Docker-Distribution-Api-Version/im,
      );
      expect(await httpGet(site, 'c1', `${site.address('g1')}:80`, '/')).toMatch(/^HTTP\/1\.[01] 404 /);
    });

    it('shows a certificate that only the authority of the site vouches for', async () => {
      const others = await httpsGet(site, 'c1', 'goodrain.me', '/v2/_catalog', '/etc/ssl/certs/ca-certificates.crt');
      expect(others).toContain('verify error');
      expect(others).not.toContain('200 OK');
    });
  });

  describe('the name server', () => {
    it('of every node leads the names of the registry and of applications to the gateway', async () => {
      for (const node of site.nodes) {
        for (const name of ['goodrain.me', 'shop.apps.lab.example']) {
          const lookup = 'docker exec rbd-dns nslookup -type=a "$1" "$2"';
          expect(await site.bash('c1', lookup, name, site.address(node))).toContain(`Address: ${site.address('g1')}`);
        }
      }
    });
  });

  describe('packages', () => {
    const apt = 'LC_ALL=C APT_CONFIG=/etc/caisson/apt/apt.conf apt-get';

    it('came from the depot, over TLS, from metadata whose signature apt checks', async () => {
      for (const node of site.nodes) {
        const sources = await site.bash(node, 'cat /etc/caisson/apt/sources.list');
        expect(sources).toMatch(/^deb \[arch=amd64 signed-by=\/etc\/caisson\/apt\/repository\.asc\] https:\/\/depot\.lab\.internal:5443\//);
        expect(sources).not.toContain('trusted');
        await site.bash(node, `${apt} update -o APT::Update::Error-Mode=any`);
        const policy = await site.bash(node, 'LC_ALL=C APT_CONFIG=/etc/caisson/apt/apt.conf apt-cache policy docker.io');
        const [repository] = side().manifest.repositories;
        const version = repository?.packages.find(({ name }) => name === 'docker.io')?.version ?? 'no docker.io';
        expect(policy).toContain(`Installed: ${version}\n`);
        expect(policy).toContain('https://depot.lab.internal:5443/');
      }
    });

    it('would not come with the key of somebody else, nor from a server that the site does not vouch for', async () => {
      const state = '-o Dir::State::lists=/root/other-lists';
      const key = '/etc/apt/trusted.gpg.d/debian-archive-bookworm-stable.asc';
      const prepare = `mkdir -p /root/other-lists/partial; sed "s|signed-by=[^]]*|signed-by=${key}|" /etc/caisson/apt/sources.list > /root/other.list`;
      const update = `${prepare}; ${apt} update -o APT::Update::Error-Mode=any ${state}`;
      expect((await site.try('c1', update)).status).toBe(0);
      const wrongKey = await site.try('c1', `${update} -o Dir::Etc::sourcelist=/root/other.list 2>&1`);
      expect(wrongKey.status).toBe(100);
      expect(wrongKey.stdout).toMatch(/NO_PUBKEY|not signed|couldn't be verified/);
      const wrongServer = await site.try('c1', `${update} -o Acquire::https::CaInfo=/etc/ssl/certs/ca-certificates.crt 2>&1`);
      expect(wrongServer.status).toBe(100);
      expect(wrongServer.stdout).toContain('Certificate verification failed');
      await site.bash('c1', 'rm -r /root/other-lists /root/other.list');
    });

    it('left the sources and keys that the hosts had of themselves as they were', async () => {
      expect(await everywhere(site, (node) => digestsOf(site, node, '/etc/apt'))).toEqual(aptBefore);
    });
  });

  describe('the air gap', () => {
    it('is whole: no host reaches anything outside', async () => {
      const proof = await proveAirGap(site.lab, { mirror: aptMirror() });
      expect(proof.reached).toEqual([]);
      expect(proof.answering.length).toBeGreaterThan(0);
    });
  });

  describe('listening sockets', () => {
    it('are those of docs/sockets.md', async () => {
      const documented = await documentedSockets();
      for (const node of site.nodes)
        expect((await listeningSockets(site, node)).filter((socket) => !documented.includes(socket))).toEqual([]);
    });
  });

  describe('secrets', () => {
    const folders = '/etc/caisson /etc/docker /etc/systemd/system /opt/rainbond /grdata /usr/local /var/lib/caisson /root';
    /** Files with a private key or the text of standard input, among those that find selects. */
    const search = `secret=$(cat); find ${folders} -xdev -type f "$@" -print0 2>/dev/null |
      xargs -0 grep -lIF -e '-----BEGIN PRIVATE KEY' -e '-----BEGIN EC PRIVATE KEY' -e '-----BEGIN PGP PRIVATE KEY' -f <(printf '%s\\n' "$secret") -- | sort`;

    it('are in no file that others may read', async () => {
      const secret = await site.bash('m1', 'cat "$1"', DATABASE_SECRET);
      const find = async (node: string, ...parameters: readonly string[]): Promise<string[]> =>
        (await site.try(node, search, { input: secret, parameters })).stdout.split('\n').filter((path) => path !== '');
      expect(await find('m1')).toEqual(
        expect.arrayContaining([DATABASE_SECRET, '/var/lib/caisson/authorities/ca.key', '/etc/caisson/depot/repository.key']),
      );
      for (const node of site.nodes) expect(await find(node, '-perm', '/o=r')).toEqual([]);
    });

    it('stay where they belong: no node has the key of the authority, and only the host of the database its password', async () => {
      const secret = await site.bash('m1', 'cat "$1"', DATABASE_SECRET);
      for (const node of ['g1', 'c1']) {
        const { stdout } = await site.try(node, search, { input: secret });
        expect(stdout).toContain('/etc/caisson/pki/node.key');
        expect(stdout).not.toContain('ca.key');
        const held = await site.try(node, `grep -rlIF -f /dev/stdin ${folders}`, { input: secret });
        expect(held.stdout).toBe('');
      }
    });

    it.each([DATABASE_SECRET, BUILDER_SECRET])(
      '%s is in no command line, environment, log or container, nor in what the install said',
      async (file) => {
        const secret = await site.bash('m1', 'cat "$1"', file);
        const everything = `cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'
        journalctl --no-pager --output=export
        docker ps -aq | while read -r id; do docker inspect "$id"; docker logs "$id" 2>&1; done
        cat /var/lib/caisson/journal.jsonl 2>/dev/null; true`;
        for (const node of site.nodes) {
          const { stdout } = await site.try(node, everything);
          expect(stdout).toContain('dockerd');
          expect(stdout.includes(secret)).toBe(false);
        }
        expect(JSON.stringify(installed).includes(secret)).toBe(false);
      },
    );
  });

  describe('a second run', () => {
    it('changes nothing and restarts nothing', async () => {
      const before = await everywhere(site, (node) => startTimes(site, node));
      const changed = await watchFiles(site);
      const again = await runInstall(site);
      expect(again.stderr).toBe('');
      expect(again.result).toMatchObject({ changed: 0 });
      console.log(`      a second run on three hosts took ${again.seconds.toFixed(1)} s`);
      const living = [
        '/opt/rainbond/data',
        '/grdata',
        '/var/lib/caisson/journal.jsonl',
        '/var/lib/caisson/site.json',
        '/var/lib/caisson/agent',
        '/var/lib/containerd',
      ];
      for (const node of site.nodes) expect(await changed(node, living)).toEqual([]);
      expect(await everywhere(site, (node) => startTimes(site, node))).toEqual(before);
    });
  });

  describe('when something dies', () => {
    const pidOf = (node: string, name: string): Promise<string> => site.bash(node, 'docker inspect --format "{{.State.Pid}}" "$1"', name);

    it('the program of a container is started again, with its data', async () => {
      const before = await pidOf('m1', 'etcd');
      await site.bash('m1', 'kill -9 "$1"', before);
      await eventually(60_000, async () => expect(await pidOf('m1', 'etcd')).not.toMatch(new RegExp(`^(0|${before})$`)));
      await untilHealthy(site, 60_000);
      expect(await site.bash('m1', 'docker exec etcd etcdctl get --print-value-only lab/key')).toBe('value');
    });

    it('the client of a container, the engine, the agent or the depot come back, and leave one container of each name', async () => {
      await site.bash('c1', 'systemctl kill --signal=KILL --kill-who=main rbd-dns');
      await site.bash('g1', 'kill -9 "$(pidof dockerd)"');
      await site.bash('m1', 'systemctl kill --signal=KILL caisson-agent caisson-depot');
      const active = 'systemctl is-active docker caisson-agent rbd-dns';
      await eventually(60_000, () => Promise.all(site.nodes.map((node) => site.bash(node, active))));
      await eventually(60_000, () => site.bash('m1', 'systemctl is-active caisson-depot'));
      await untilHealthy(site, 90_000);
      for (const node of site.nodes) expect((await containersOf(site, node)).map(({ name }) => name)).toEqual(CONTAINERS[node]);
    });
  });

  describe('a component that somebody stopped', () => {
    it('shows in caisson cluster, and shows healthy again once it is started', async () => {
      await site.bash('c1', 'systemctl stop rbd-dns');
      await eventually(60_000, async () => {
        const report = await clusterState(site);
        expect(report).toMatchObject({ status: 6, healthy: false });
        expect(report.components['c1/rbd-dns']).not.toBe('healthy');
        expect(report.components['c1/docker']).toBe('healthy');
      });
      await site.bash('c1', 'systemctl start rbd-dns');
      await untilHealthy(site, 60_000);
    });
  });

  keptWell(() => site);
  changedLater(() => site, side);
}
