import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, posix, resolve } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseClusterSpec, resolveTopology, scopeFor } from '../../src/cluster/index.ts';
import { directoryTree } from '../../src/io/index.ts';
import { loadManifests, renderTemplate, type Manifests } from '../../src/manifests/index.ts';
import { promtool } from '../support/promtool.ts';
import { useTempDir } from '../support/temp-dir.ts';

const temp = useTempDir();
const MONITOR = 'rbd-monitor';
/** Where its container sees its settings. */
const MOUNTED = '/etc/prometheus/config';

const SITES = {
  'one host': ['n1, address: 10.0.0.11, roles: [manage, gateway, compute]'],
  'three managers': ['m1, address: 10.0.0.11', 'm2, address: "fd00::2"', 'm3, address: 10.0.0.13'].map(
    (node) => `${node}, roles: [manage, gateway, compute]`,
  ),
} as const;

let manifests: Manifests;
beforeAll(async () => {
  manifests = await loadManifests(directoryTree(resolve(import.meta.dirname, '../../manifests')));
});

/** Writes the settings of the monitor as an install does, with their directory in place of the one in the container. */
async function writeSettings(site: keyof typeof SITES): Promise<void> {
  const nodes = SITES[site].map((node) => `  - { name: ${node} }\n`).join('');
  const text = `apiVersion: caisson/v1\nkind: Cluster\nname: prod\nnodes:\n${nodes}`;
  const topology = resolveTopology(parseClusterSpec(text, 'cluster.yaml'), manifests);
  const [component, host] = [manifests.components.get(MONITOR), topology.first(MONITOR)];
  if (component === undefined || host === undefined) throw new Error('there is no monitor');
  const scope = scopeFor(topology, host, { component: MONITOR, secrets: {} });
  for (const { path, template } of component.files) {
    const filled = renderTemplate(component.templateText(template), scope, template);
    await writeFile(join(temp(), posix.basename(path)), filled.replaceAll(MOUNTED, temp()));
  }
  for (const file of ['ca.crt', 'tls.crt', 'tls.key']) {
    await mkdir(dirname(join(temp(), 'agents', file)), { recursive: true });
    await writeFile(join(temp(), 'agents', file), '');
  }
}

describe.each(Object.keys(SITES) as (keyof typeof SITES)[])('the settings of the monitor for %s', (site) => {
  beforeEach(async () => writeSettings(site));

  it('are good for promtool, and load the rules beside them', async () => {
    const { status, said } = await promtool(['check', 'config', join(temp(), 'prometheus.yml')]);
    expect({ status, said }).toMatchObject({ status: 0, said: expect.stringContaining('1 rule files') });
  });

  it('have one rule for each alert of a component of the cluster', async () => {
    const { status, said } = await promtool(['check', 'rules', join(temp(), 'alert-rules.yml')]);
    const declared = [...manifests.components.values()].flatMap(({ alerts }) => alerts.map(({ name }) => name));
    expect(declared).toEqual(expect.arrayContaining(['EtcdWithoutQuorum', 'NodeSilent']));
    expect({ status, said }).toMatchObject({ status: 0, said: expect.stringContaining(`${declared.length} rules found`) });
    const rules = await readFile(join(temp(), 'alert-rules.yml'), 'utf8');
    expect([...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name).sort()).toEqual(declared.sort());
  });
});

/** Labels that Prometheus gives to everything of m1's agent. */
const M1 = 'instance="10.0.0.11:6100", job="caisson-agents", node="m1"';
const M1_LABELS = { instance: '10.0.0.11:6100', job: 'caisson-agents', node: 'm1' };
const SEED_LABELS = { job: 'caisson-seed', node: 'seed' };

interface Story {
  readonly alert: string;
  readonly series: Readonly<Record<string, string>>;
  /** Time at which there is no alert yet. */
  readonly before: string;
  /** Time at which there is one, with these labels and this summary. Without labels there is none. */
  readonly at: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly summary?: string;
}

const member = (node: string): string => `caisson_component_healthy{component="etcd", node="${node}"}`;
const certificate = { component: 'kubelet', name: 'client' };

const STORIES: Readonly<Record<string, Story>> = {
  'a node whose agent answers no more': {
    alert: 'NodeSilent',
    series: { [`up{${M1}}`]: '1x5 0x20', 'up{job="etcd", instance="a"}': '0x20' },
    before: '7m',
    at: '9m',
    labels: { severity: 'critical', ...M1_LABELS },
    summary: 'The agent of node m1 (10.0.0.11:6100) does not answer',
  },
  'a component that is not healthy for five minutes': {
    alert: 'ComponentNotHealthy',
    series: {
      [`caisson_component_healthy{component="rbd-db", ${M1}}`]: '1x2 0x20',
      [`caisson_component_state{component="rbd-db", state="stopped", ${M1}}`]: '0x22',
      [`caisson_component_healthy{component="rbd-hub", ${M1}}`]: '1x22',
    },
    before: '7m',
    at: '9m',
    labels: { severity: 'critical', component: 'rbd-db', ...M1_LABELS },
    summary: 'rbd-db on m1 is not healthy; caisson cluster says why',
  },
  'a component that is unhealthy for a moment': {
    alert: 'ComponentNotHealthy',
    series: { [`caisson_component_healthy{component="rbd-db", ${M1}}`]: '1x2 0x3 1x20' },
    before: '5m',
    at: '20m',
  },
  'a component that a person stopped, which is not called unhealthy': {
    alert: 'ComponentNotHealthy',
    series: {
      [`caisson_component_healthy{component="rbd-db", ${M1}}`]: '0x90',
      [`caisson_component_state{component="rbd-db", state="stopped", ${M1}}`]: '1x90',
    },
    before: '20m',
    at: '80m',
  },
  'the same, which is said after an hour': {
    alert: 'ComponentStopped',
    series: { [`caisson_component_state{component="rbd-db", state="stopped", ${M1}}`]: '1x90' },
    before: '59m',
    at: '61m',
    labels: { severity: 'warning', component: 'rbd-db', state: 'stopped', ...M1_LABELS },
    summary: 'rbd-db on m1 is stopped, and was not started again',
  },
  'a component that the agent restarts again and again': {
    alert: 'ComponentCrashLoop',
    series: { [`caisson_component_restarts_total{component="rbd-db", ${M1}}`]: '0x10 1+1x20' },
    before: '10m',
    at: '20m',
    labels: { severity: 'critical', component: 'rbd-db', ...M1_LABELS },
    summary: 'rbd-db on m1 was restarted again and again in 15 minutes; caisson logs rbd-db has its messages',
  },
  'one that systemd starts again and again': {
    alert: 'ComponentCrashLoop',
    series: { [`caisson_component_unit_restarts_total{component="rbd-db", ${M1}}`]: '0x10 1+1x20' },
    before: '10m',
    at: '20m',
    labels: { severity: 'critical', component: 'rbd-db', ...M1_LABELS },
    summary: 'rbd-db on m1 was restarted again and again in 15 minutes; caisson logs rbd-db has its messages',
  },
  'an agent with problems': {
    alert: 'AgentProblems',
    series: { [`caisson_agent_problems{${M1}}`]: '0x5 2x20' },
    before: '15m',
    at: '17m',
    labels: { severity: 'warning', ...M1_LABELS },
    summary: 'The agent of m1 cannot do a part of its work; caisson cluster says which',
  },
  'a disk that is nearly full': {
    alert: 'FileSystemNearlyFull',
    series: {
      [`caisson_file_system_size_bytes{mount="/", ${M1}}`]: '100x30',
      [`caisson_file_system_available_bytes{mount="/", ${M1}}`]: '11x5 9x25',
      [`caisson_file_system_size_bytes{mount="/b", ${M1}}`]: '100x30',
      [`caisson_file_system_available_bytes{mount="/b", ${M1}}`]: '50x30',
    },
    before: '10m',
    at: '12m',
    labels: { severity: 'warning', mount: '/', ...M1_LABELS },
    summary: 'Less than a tenth of / on m1 is free',
  },
  'a disk that is full': {
    alert: 'FileSystemFull',
    series: {
      [`caisson_file_system_size_bytes{mount="/grdata", ${M1}}`]: '100x30',
      [`caisson_file_system_available_bytes{mount="/grdata", ${M1}}`]: '4x5 2x25',
    },
    before: '6m',
    at: '8m',
    labels: { severity: 'critical', mount: '/grdata', ...M1_LABELS },
    summary: '/grdata on m1 is full',
  },
  'a disk without inodes, beside one that has no number of them': {
    alert: 'FileSystemInodesNearlyUsed',
    series: {
      [`caisson_file_system_inodes{mount="/", ${M1}}`]: '1000x30',
      [`caisson_file_system_inodes_free{mount="/", ${M1}}`]: '200x5 20x25',
      [`caisson_file_system_inodes{mount="/b", ${M1}}`]: '0x30',
      [`caisson_file_system_inodes_free{mount="/b", ${M1}}`]: '0x30',
    },
    before: '10m',
    at: '12m',
    labels: { severity: 'warning', mount: '/', ...M1_LABELS },
    summary: 'Less than a tenth of the inodes of / on m1 is free',
  },
  'a file system whose server is gone': {
    alert: 'FileSystemSilent',
    series: { [`caisson_file_system_answers{mount="/grdata", ${M1}}`]: '1x5 0x25' },
    before: '10m',
    at: '12m',
    labels: { severity: 'critical', mount: '/grdata', ...M1_LABELS },
    summary: '/grdata on m1 does not answer',
  },
  'a clock that is off': {
    alert: 'ClockOff',
    series: { [`caisson_node_time_seconds{${M1}}`]: '0+60x5 330+60x20' },
    before: '10m',
    at: '12m',
    labels: { severity: 'warning', ...M1_LABELS },
    summary: 'The clock of m1 is 30 seconds off that of the monitor',
  },
  'a clock that is right': {
    alert: 'ClockOff',
    series: { [`caisson_node_time_seconds{${M1}}`]: '1+60x30' },
    before: '10m',
    at: '29m',
  },
  'a certificate that ends in a month': {
    alert: 'CertificateEnds',
    series: { [`caisson_certificate_not_after_timestamp_seconds{component="kubelet", name="client", ${M1}}`]: `${30 * 86_400 + 300}x90` },
    before: '64m',
    at: '67m',
    labels: { severity: 'warning', ...certificate, ...M1_LABELS },
    summary: 'Certificate client of kubelet (m1) ends in 29d 22h 58m 0s; caisson certificates renew --due',
  },
  'a certificate that has ended': {
    alert: 'CertificateEndsNow',
    series: { [`caisson_certificate_not_after_timestamp_seconds{component="kubelet", name="client", ${M1}}`]: '600x30' },
    before: '4m',
    at: '11m',
    labels: { severity: 'critical', ...certificate, ...M1_LABELS },
    summary: 'Certificate client of kubelet (m1) ends in -1m 0s; caisson certificates renew --due',
  },
  'an authority that ends in two months': {
    alert: 'AuthorityEnds',
    series: { 'caisson_authority_not_after_timestamp_seconds{authority="etcd", job="caisson-seed", node="seed"}': `${60 * 86_400}x90` },
    before: '59m',
    at: '62m',
    labels: { severity: 'warning', authority: 'etcd', ...SEED_LABELS },
    summary: 'The authority etcd ends in 59d 22h 58m 0s; caisson certificates rotate replaces it',
  },
  'a seed that does not answer': {
    alert: 'SeedSilent',
    series: { 'up{job="caisson-seed", node="seed"}': '1x5 0x25' },
    before: '15m',
    at: '17m',
    labels: { severity: 'warning', ...SEED_LABELS },
    summary: 'The depot of the seed does not answer: hosts get no images and packages, and its backups and renewals are not seen',
  },
  'a backup that failed': {
    alert: 'SeedTaskFailed',
    series: {
      'caisson_task_last_well{task="backup", job="caisson-seed", node="seed"}': '1x5 0x25',
      'caisson_task_last_well{task="renewal", job="caisson-seed", node="seed"}': '1x30',
    },
    before: '10m',
    at: '12m',
    labels: { severity: 'warning', task: 'backup', ...SEED_LABELS },
    summary: 'The last backup of the seed failed; caisson cluster says why',
  },
  'a renewal that is overdue': {
    alert: 'SeedTaskOverdue',
    series: { 'caisson_task_due_timestamp_seconds{task="renewal", job="caisson-seed", node="seed"}': '300x30' },
    before: '10m',
    at: '12m',
    // The time is that of the rule: it keeps no other labels than those of the series.
    labels: { severity: 'warning', task: 'renewal', ...SEED_LABELS },
    summary: 'A renewal of the seed is overdue by its schedule; caisson cluster says since when',
  },
  'etcd of which one member of three is left': {
    alert: 'EtcdWithoutQuorum',
    series: { [member('m1')]: '1x30', [member('m2')]: '1x5 0x25', [member('m3')]: '1x5 stale' },
    before: '6m',
    at: '8m',
    labels: { severity: 'critical' },
    summary: 'Only 1 of 3 members of etcd are healthy, which is no majority: nothing of the platform can be changed',
  },
  'etcd of which nothing is known': {
    alert: 'EtcdWithoutQuorum',
    series: { [`up{${M1}}`]: '0x30' },
    before: '0m',
    at: '2m',
    labels: { severity: 'critical' },
    summary: 'Only 0 of 3 members of etcd are healthy, which is no majority: nothing of the platform can be changed',
  },
  'etcd of which two members of three are left': {
    alert: 'EtcdWithoutQuorum',
    series: { [member('m1')]: '1x30', [member('m2')]: '1x30', [member('m3')]: '0x30' },
    before: '5m',
    at: '25m',
  },
};

/** A test of promtool in its own format: JSON, which is YAML. */
function ruleTest(rules: string, stories: readonly Story[]): string {
  const tests = stories.map(({ alert, series, before, at, labels, summary }) => ({
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    alert_rule_test: [
      { eval_time: before, alertname: alert, exp_alerts: [] },
      {
        eval_time: at,
        alertname: alert,
        exp_alerts: labels === undefined ? [] : [{ exp_labels: labels, exp_annotations: { summary, declared: declaredBy(alert) } }],
      },
    ],
  }));
  return JSON.stringify({ rule_files: [rules], evaluation_interval: '1m', tests });
}

function declaredBy(alert: string): string | undefined {
  return [...manifests.components.values()].find(({ alerts }) => alerts.some(({ name }) => name === alert))?.name;
}

describe('the alerts of the shipped platform', () => {
  beforeEach(async () => writeSettings('three managers'));

  it.each(Object.entries(STORIES))('know %s', async (_, story) => {
    const file = join(temp(), 'story.json');
    await writeFile(file, ruleTest('alert-rules.yml', [story]));
    expect(await promtool(['test', 'rules', file])).toMatchObject({ status: 0, said: expect.stringContaining('SUCCESS') });
  });

  it('have a story each', () => {
    const told = new Set(Object.values(STORIES).map(({ alert }) => alert));
    const declared = [...manifests.components.values()].flatMap(({ alerts }) => alerts.map(({ name }) => name));
    expect(declared.filter((name) => !told.has(name))).toEqual([]);
  });
});
