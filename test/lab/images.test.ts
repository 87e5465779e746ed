import { chmod, chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createNetwork, type LabNetwork } from './network.ts';
import {
  aptMirror,
  buildImages,
  ensureEngine,
  ensureTools,
  eventually,
  IMAGE_RECIPES,
  ownLabName,
  removeLab,
  run,
  runDirectory,
  startUpstream,
  type Engine,
  type LabImage,
  type RunResult,
  type Upstream,
} from './index.ts';

// Each image is pulled from the upstream registry by the engine of this machine and used as images/CONTRACT.md says.

const LAB = 'images';
const NAME = `caisson-lab-${ownLabName(LAB)}`;
const PASSWORD = `it's a "pass\\word`;
let engine: Engine;
let upstream: Upstream;
let images: LabImage[];
let network: LabNetwork;
let directory: string;

beforeAll(async () => {
  await ensureTools();
  engine = await ensureEngine();
  await removeLab(engine, LAB);
  directory = runDirectory('images');
  upstream = await startUpstream();
  images = await buildImages({ mirror: aptMirror() });
  for (const image of images) {
    await upstream.push(image.layout, image.reference);
    await engine.docker(['pull', '--quiet', nameOf(image)]);
  }
  network = await createNetwork(engine, NAME, { 'caisson.lab': ownLabName(LAB) }, true);
});

afterAll(async () => {
  if (engine === undefined) return;
  await removeLab(engine, LAB);
  for (const image of images ?? []) await engine.docker(['rmi', nameOf(image)], { expect: 'any' });
  await upstream?.stop();
  if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  await engine.stop();
});

function nameOf(image: LabImage): string {
  return `127.0.0.1:${upstream.port}/${image.reference}`;
}

function imageOf(folder: string): string {
  const image = images.find((one) => one.reference.startsWith(`rainbond/${folder}:`));
  if (image === undefined) throw new Error(`No image "${folder}"`);
  return nameOf(image);
}

/** Starts a container of an image at an address of the test's network; its name is the image's. */
async function start(folder: string, octet: number, options: readonly string[], command: readonly string[]): Promise<string> {
  const address = network.address(octet);
  const container = `${NAME}-${folder}`;
  const flags = ['--name', container, '--label', `caisson.lab=${ownLabName(LAB)}`, '--network', network.name, '--ip', address];
  await engine.docker(['run', '--detach', '--interactive', ...flags, ...options, imageOf(folder), ...command]);
  return address;
}

function inside(folder: string, ...argv: readonly string[]): Promise<RunResult> {
  return engine.docker(['exec', `${NAME}-${folder}`, ...argv], { expect: 'any' });
}

async function folderOf(name: string, owner = 0): Promise<string> {
  const path = join(directory, name);
  await mkdir(path);
  await chown(path, owner, 0);
  await chmod(path, 0o700);
  return path;
}

async function get(url: string): Promise<{ readonly status: number; readonly body: string }> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
  return { status: answer.status, body: await answer.text() };
}

/** The status of /v2/ when the address is asked for another name, over TLS with any certificate. */
function statusOf(address: string, name: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const question = request({ host: address, path: '/v2/', headers: { host: name }, rejectUnauthorized: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    question.on('error', reject).end();
  });
}

describe('the images', () => {
  it('come from the upstream registry with the digests of their layouts', async () => {
    for (const image of images) {
      const inspected = await run(['skopeo', 'inspect', '--tls-verify=false', '--format', '{{.Digest}}', `docker://${nameOf(image)}`]);
      expect(inspected.stdout.trim()).toBe(image.digest);
    }
  });

  it('share their first layer, where they are made from whole packages', async () => {
    const first = new Set<string>();
    const bare = IMAGE_RECIPES.filter((recipe) => recipe.bare).flatMap(({ reference, otherReferences = [] }) => [
      reference,
      ...otherReferences,
    ]);
    for (const image of images.filter(({ reference }) => !bare.includes(reference))) {
      const shown = await engine.docker(['image', 'inspect', '--format', '{{index .RootFS.Layers 0}}', nameOf(image)]);
      first.add(shown.stdout.trim());
    }
    expect(first.size).toBe(1);
  });

  it('are made again with the same digests from the same packages, without a cache', async () => {
    const recipes = IMAGE_RECIPES.filter((recipe) => recipe.folder === 'rbd-gateway');
    const [before] = await buildImages({ mirror: aptMirror(), recipes });
    vi.stubEnv('CAISSON_LAB_CACHE', await folderOf('other-cache'));
    try {
      const [again] = await buildImages({ mirror: aptMirror(), recipes });
      expect(again?.layout).not.toBe(before?.layout);
      expect(again?.digest).toBe(before?.digest);
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe('etcd', () => {
  it('keeps a value and says that it is healthy', async () => {
    const data = await folderOf('etcd');
    const address = network.address(11);
    const options = [
      ['/usr/local/bin/etcd', '--name=n1', '--data-dir=/data/etcd', '--auto-compaction-retention=1', '--quota-backend-bytes=4294967296'],
      [`--listen-client-urls=http://127.0.0.1:2379,http://${address}:2379`, `--advertise-client-urls=http://${address}:2379`],
      [`--listen-peer-urls=http://${address}:2380`, `--initial-advertise-peer-urls=http://${address}:2380`],
      [`--initial-cluster=n1=http://${address}:2380`, '--initial-cluster-token=lab', '--initial-cluster-state=new'],
    ];
    await start('etcd', 11, ['--volume', `${data}:/data/etcd`], options.flat());
    await eventually(20_000, async () => expect((await get(`http://${address}:2379/health`)).body).toBe('{"health":"true"}'));
    expect((await inside('etcd', '/usr/local/bin/etcdctl', 'put', 'key', 'value')).stdout.trim()).toBe('OK');
    expect((await inside('etcd', 'etcdctl', 'get', '--print-value-only', 'key')).stdout.trim()).toBe('value');
  });
});

describe('the stand-in of the programs of the platform', () => {
  it('is healthy while the neighbour that it is told of answers, and takes no option that its program has not', async () => {
    const etcd = `http://${network.address(11)}:2379`;
    const address = await start('rbd-mq', 17, [], ['--log-level=info', `--etcd-endpoints=${etcd}`, `--hostIP=${network.address(17)}`]);
    const health = `http://${address}:6301/health`;
    await eventually(20_000, async () => expect((await get(health)).status).toBe(200));
    await engine.docker(['pause', `${NAME}-etcd`]);
    await eventually(20_000, async () => {
      const { status, body } = await get(health);
      expect(status).toBe(503);
      expect(body).toContain('etcd: ');
    });
    await engine.docker(['unpause', `${NAME}-etcd`]);
    await eventually(20_000, async () => expect((await get(health)).status).toBe(200));
    const refused = await engine.docker(['run', '--rm', imageOf('rbd-mq'), '--etcd-endpoint=x'], { expect: 'any' });
    expect(refused.stderr).toContain('there is no option "etcd-endpoint"');
    expect(refused.status).not.toBe(0);
  });
});

describe('rbd-registry and rbd-gateway', () => {
  it('take an image through the gateway over TLS and give it back', async () => {
    const hub = network.address(12);
    const data = await folderOf('registry');
    const environment = [`REGISTRY_HTTP_ADDR=${hub}:5000`, 'REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/var/lib/registry'];
    environment.push('REGISTRY_STORAGE_DELETE_ENABLED=true', 'REGISTRY_HTTP_RELATIVEURLS=true');
    const variables = environment.flatMap((variable) => ['--env', variable]);
    await start('rbd-registry', 12, ['--volume', `${data}:/var/lib/registry`, ...variables], []);
    await eventually(20_000, async () => expect((await get(`http://${hub}:5000/v2/`)).status).toBe(200));

    const tls = await folderOf('tls');
    const gateway = network.address(13);
    const subject = ['-subj', '/CN=goodrain.me', '-addext', `subjectAltName=DNS:goodrain.me,IP:${gateway}`];
    const files = ['-keyout', join(tls, 'server.key'), '-out', join(tls, 'server.crt')];
    await run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...files, ...subject]);
    const mounts = ['crt', 'key'].flatMap((end) => ['--volume', `${tls}/server.${end}:/run/nginx/rainbond/ssl/server.${end}:ro`]);
    // skopeo names the registry by its address here, so that no name has to be resolved on this machine.
    const settings = [`HUB_ENDPOINTS=http://${hub}:5000`, `REGISTRY_NAME=${gateway}`, 'DEFAULT_PORT=80'].flatMap((text) => ['--env', text]);
    const options = [
      '--etcd-endpoints=http://127.0.0.1:2379',
      '--log-level=info',
      '--error-log=/dev/stderr error',
      '--enable-kubeapi=false',
    ];
    await start('rbd-gateway', 13, [...mounts, ...settings], options);
    await eventually(20_000, async () => expect((await get(`http://${gateway}:10254/healthz`)).status).toBe(200));
    expect((await get(`http://${gateway}:18080/`)).body).toContain('Active connections');
    expect((await get(`http://${gateway}/`)).status).toBe(404);

    const source = images.find((image) => image.reference.startsWith('rainbond/rbd-db:'));
    const target = `docker://${gateway}/lab/pushed:1`;
    const flags = ['--insecure-policy', 'copy', '--quiet', '--preserve-digests', '--dest-tls-verify=false'];
    await run(['skopeo', ...flags, `oci:${source?.layout ?? ''}`, target]);
    const inspected = await run(['skopeo', 'inspect', '--tls-verify=false', '--format', '{{.Digest}}', target]);
    expect(inspected.stdout.trim()).toBe(source?.digest);
    expect(await statusOf(gateway, 'other.example')).toBe(404);
    expect(await statusOf(gateway, gateway)).toBe(200);
  });
});

describe('rbd-db', () => {
  const serverOptions = (address: string): string[] => [
    '--port=3306',
    `--bind-address=${address}`,
    '--datadir=/data',
    '--character-set-server=utf8',
    '--skip-name-resolve',
  ];

  function query(password: string, statement: string, ...options: readonly string[]): Promise<RunResult> {
    return inside(
      'rbd-db',
      'mariadb',
      '--batch',
      '--skip-column-names',
      '--user=root',
      `--password=${password}`,
      ...options,
      '-e',
      statement,
    );
  }

  it('ends initialised although it was killed while it initialised, keeps its data, and lets nobody in without the password', async () => {
    const data = await folderOf('mysql', 1001);
    const secret = join(directory, 'db-root');
    await writeFile(secret, `${PASSWORD}\n`, { mode: 0o400 });
    await chown(secret, 1001, 0);
    const mounts = ['--volume', `${data}:/data`, '--volume', `${secret}:/run/secrets/db-root:ro`];
    const options = ['--user', '1001:0', ...mounts, '--env', 'MYSQL_ROOT_PASSWORD_FILE=/run/secrets/db-root', '--env', 'TZ=UTC'];
    const container = `${NAME}-rbd-db`;
    const address = network.address(14);
    for (const file of ['.initialising', 'mysql/global_priv.MAD']) {
      await start('rbd-db', 14, options, serverOptions(address));
      await eventually(30_000, async () => run(['test', '-e', join(data, file)]));
      await engine.docker(['rm', '--force', container]);
    }
    for (const round of ['first', 'second']) {
      await start('rbd-db', 14, options, serverOptions(address));
      await eventually(60_000, async () => expect((await query(PASSWORD, 'SELECT 1', `--host=${address}`)).stdout).toBe('1\n'));
      if (round === 'first') expect((await query(PASSWORD, 'CREATE DATABASE region')).status).toBe(0);
      expect((await query(PASSWORD, "SHOW DATABASES LIKE 'region'")).stdout).toBe('region\n');
      expect((await query(PASSWORD, "SELECT host FROM mysql.user WHERE user = 'root' ORDER BY host")).stdout).toBe('%\nlocalhost\n');
      expect((await query('', 'SELECT 1', `--host=${address}`)).stderr).toContain('Access denied');
      expect((await query('', 'SELECT 1')).stderr).toContain('Access denied');
      await engine.docker(['stop', '--time', '10', container]);
      expect((await engine.docker(['inspect', '--format', '{{.State.ExitCode}}', container])).stdout.trim()).toBe('0');
      await engine.docker(['rm', '--force', container]);
    }
  });
});

describe('rbd-dns', () => {
  it('answers for its names at once, refuses all others, and says that it is healthy', async () => {
    const address = network.address(15);
    const records = '--recoders=goodrain.me=10.1.1.1,*.goodrain.me=10.1.1.1,*.pass.example=10.1.1.2';
    await start('rbd-dns', 15, [], [`--dns-bind-address=${address}`, '--healthz-port=8089', records, '--v=2']);
    await eventually(20_000, async () => expect((await get(`http://${address}:8089/healthz`)).status).toBe(200));
    expect((await get(`http://${address}:8089/other`)).status).toBe(404);
    const answers = { 'goodrain.me': '10.1.1.1', 'a.goodrain.me': '10.1.1.1', 'a.b.pass.example': '10.1.1.2' };
    for (const [name, expected] of Object.entries(answers)) {
      expect((await inside('rbd-dns', 'nslookup', '-type=a', name, address)).stdout).toContain(`Address: ${expected}`);
    }
    expect((await inside('rbd-dns', 'nslookup', '-type=a', 'example.com', address)).stdout).toContain('REFUSED');
  });
});

describe('rbd-monitor', () => {
  it('scrapes itself, and is healthy only while Prometheus is ready', async () => {
    const configuration = await folderOf('prometheus');
    const data = await folderOf('prometheus-data');
    const job = "{ job_name: prometheus, static_configs: [{ targets: ['127.0.0.1:9999'] }] }";
    await writeFile(join(configuration, 'prometheus.yml'), `global: { scrape_interval: 1s }\nscrape_configs: [${job}]\n`);
    const address = network.address(16);
    const options = [
      ['--etcd-endpoints=http://127.0.0.1:2379', `--advertise-addr=${address}:9999`, '--web.listen-address=0.0.0.0:9999'],
      ['--config.file=/etc/prometheus/config/prometheus.yml', '--rules-config.file=/etc/prometheus/config/rules.yml'],
      ['--storage.tsdb.path=/prometheusdata', '--storage.tsdb.no-lockfile', '--storage.tsdb.retention=7d', '--log.level=info'],
    ];
    await start(
      'rbd-monitor',
      16,
      ['--volume', `${configuration}:/etc/prometheus/config`, '--volume', `${data}:/prometheusdata`],
      options.flat(),
    );
    await eventually(30_000, async () => expect((await get(`http://${address}:3329/monitor/health`)).status).toBe(200));
    await eventually(30_000, async () => expect((await get(`http://${address}:9999/api/v1/targets`)).body).toContain('"health":"up"'));
    // A stopped process keeps its port: it is asked, and does not answer in time.
    await engine.docker(['kill', '--signal', 'STOP', `${NAME}-rbd-monitor`]);
    expect((await get(`http://${address}:3329/monitor/health`)).status).toBe(503);
    await engine.docker(['kill', '--signal', 'CONT', `${NAME}-rbd-monitor`]);
    await eventually(30_000, async () => expect((await get(`http://${address}:3329/monitor/health`)).status).toBe(200));
  });
});
