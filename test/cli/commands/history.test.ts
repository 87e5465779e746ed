import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixedClock } from '../../../src/core/index.ts';
import { seedLayout } from '../../../src/site/index.ts';
import { takeInstallLock } from '../../../src/usecases/install-lock.ts';
import { NOON, useCommandSites, type CommandSite } from '../../support/command-site.ts';
import { ONE_NODE } from '../../support/sample-install.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const directory = useTempDir();
const sites = useCommandSites(directory);
const bare = (): Promise<CommandSite> => sites.bare(ONE_NODE);

/** A site with two runs: an install, and twenty seconds later one in which an image could not be pulled. */
async function withTwoRuns(): Promise<CommandSite> {
  const { site, run, told } = await bare();
  await site.install();
  const machine = site.machine('n1');
  machine.images.delete('registry.example/web:1');
  const answer = machine.run.bind(machine);
  machine.run = async (command, options) =>
    command.argv[1] === 'pull' ? { exitCode: 1, stdout: '', stderr: 'disk:\nno space \u001b[31mleft' } : answer(command, options);
  const words = ['install', '--offline', '--bundle', sites.bundles().bundle, '--cluster', join(directory(), 'cluster.yaml'), '--yes'];
  expect(await run(words, { clock: fixedClock(NOON + 20_000) })).toMatchObject({ status: 6 });
  return { site, run, told };
}

async function runIds({ run }: CommandSite): Promise<readonly string[]> {
  const { runs } = JSON.parse((await run(['history', '--json'])).out) as { readonly runs: readonly { readonly run: string }[] };
  return runs.map((one) => one.run);
}

describe('caisson history', () => {
  it('says that there were no runs where there is no journal, and where it is empty', async () => {
    const { told, run } = await bare();
    expect(await told(['history'])).toMatchInlineSnapshot(`
      "[stdout]
      There were no runs
      [status 0]"
    `);
    expect(JSON.parse((await run(['history', '--json'])).out)).toEqual({ type: 'result', runs: [] });
    await writeFile(join(directory(), 'journal.jsonl'), '');
    expect(await told(['history', '--state', directory()])).toBe('[stdout]\nThere were no runs\n[status 0]');
  });

  it('lists the runs, oldest first, with what came of them', async () => {
    const { told } = await withTwoRuns();
    expect(await told(['history'])).toMatchInlineSnapshot(`
      "[stdout]
      RUN           STARTED               ENDED                 OPERATION  OUTCOME  STEPS
      RUN-00000001  2026-01-01 00:00:00Z  2026-01-01 00:00:00Z  install    done     18
      RUN-00000002  2026-01-01 00:00:20Z  2026-01-01 00:00:20Z  install    failed   1 done, 1 failed
      [status 0]"
    `);
  });

  it('prints the steps of one run by the start of its id, each on one line, with the reason of a failure', async () => {
    const site = await withTwoRuns();
    const [first = '', second = ''] = await runIds(site);
    expect(await site.told(['history', '--run', first.slice(0, 8)])).toMatchInlineSnapshot(`
      "[stdout]
      RUN           STARTED               ENDED                 OPERATION  OUTCOME  STEPS
      RUN-00000001  2026-01-01 00:00:00Z  2026-01-01 00:00:00Z  install    done     18

      Bundle sha256:DIGEST, unsigned

      STARTED               HOST  OUTCOME  STEP                                                        REASON
      2026-01-01 00:00:00Z  n1    done     note what the site will have on this host
      2026-01-01 00:00:00Z  n1    done     copy and verify the bundle
      2026-01-01 00:00:00Z  n1    done     place the program of the bundle
      2026-01-01 00:00:00Z  n1    done     make the certificate authority and the keys of this site
      2026-01-01 00:00:00Z  n1    done     serve the bundle
      2026-01-01 00:00:00Z  n1    done     write names of the cluster, trust and settings of the site
      2026-01-01 00:00:00Z  n1    done     take the metadata of the packages that the depot serves
      2026-01-01 00:00:00Z  n1    done     install packages of its roles: jq
      2026-01-01 00:00:00Z  n1    done     run the agent
      2026-01-01 00:00:00Z  n1    done     configure docker
      2026-01-01 00:00:00Z  n1    done     configure store
      2026-01-01 00:00:00Z  n1    done     install packages for docker: docker.io, iptables
      2026-01-01 00:00:00Z  n1    done     start docker
      2026-01-01 00:00:00Z  n1    done     pull registry.example/store:1
      2026-01-01 00:00:00Z  n1    done     start store
      2026-01-01 00:00:00Z  n1    done     pull registry.example/web:1
      2026-01-01 00:00:00Z  n1    done     start web
      2026-01-01 00:00:00Z  n1    done     note what the site has on this host
      [status 0]"
    `);
    expect(await site.told(['history', '--run', second])).toMatchInlineSnapshot(`
      "[stdout]
      RUN           STARTED               ENDED                 OPERATION  OUTCOME  STEPS
      RUN-00000002  2026-01-01 00:00:20Z  2026-01-01 00:00:20Z  install    failed   1 done, 1 failed

      Bundle sha256:DIGEST, unsigned

      STARTED               HOST  OUTCOME  STEP                                       REASON
      2026-01-01 00:00:20Z  n1    done     note what the site will have on this host
      2026-01-01 00:00:20Z  n1    failed   pull registry.example/web:1                Cannot run "docker pull --quiet depot.sample.internal:PORT/registry.example/web@sha256:DIGEST..." on "n1": exit status 1, disk: no space \\x1b[31mleft
      [status 0]"
    `);
  });

  it('gives runs and steps as data with --json, with reasons as they were', async () => {
    const site = await withTwoRuns();
    const [first, second = ''] = await runIds(site);
    const listed: unknown = JSON.parse((await site.run(['history', '--json'])).out);
    expect(listed).toMatchObject({
      type: 'result',
      runs: [
        { run: first, outcome: 'done' },
        { run: second, outcome: 'failed' },
      ],
    });
    expect(await site.told(['history', '--run', second, '--json'])).toMatchInlineSnapshot(`
      "[stdout]
      {"type":"result","run":{"run":"RUN-00000001","operation":"install","cluster":"sample","bundle":"sha256:DIGEST","accepted":"unsigned","started":"2026-01-01T00:00:20.000Z","outcome":"failed","ended":"2026-01-01T00:00:20.000Z","steps":[{"step":"record/n1/claim","host":"n1","summary":"note what the site will have on this host","outcome":"done","started":"2026-01-01T00:00:20.000Z","ended":"2026-01-01T00:00:20.000Z"},{"step":"pull-images/n1/web-images","host":"n1","summary":"pull registry.example/web:1","outcome":"failed","started":"2026-01-01T00:00:20.000Z","ended":"2026-01-01T00:00:20.000Z","reason":"Cannot run \\"docker pull --quiet depot.sample.internal:PORT/registry.example/web@sha256:DIGEST...\\" on \\"n1\\": exit status 1, disk:\\nno space \\u001b[31mleft"}]}}
      [status 0]"
    `);
  });

  it('refuses an id that no run or more than one run begins with', async () => {
    const site = await withTwoRuns();
    expect(await site.told(['history', '--run', 'fffffffffffff'])).toMatchInlineSnapshot(`
      "[stderr]
      Error USAGE: Cannot find run "fffffffffffff": there is none
        Take an id from: caisson history
      [status 2]"
    `);
    expect(await site.told(['history', '--run', ''])).toMatchInlineSnapshot(`
      "[stderr]
      Error USAGE: Cannot find run "": 2 runs begin so: RUN-00000001, RUN-00000002
        Take an id from: caisson history
      [status 2]"
    `);
  });

  it('calls a run without an end killed, and unfinished while the install lock is held', async () => {
    const { told, site } = await withTwoRuns();
    const { journal, lock } = seedLayout(site.seedRoot);
    const line = { time: '2026-01-01T00:01:00.000Z', run: 'aaaaaaaaaaaa', event: 'run.started', operation: 'reset' };
    await appendFile(journal, `${JSON.stringify(line)}\n`);
    expect((await told(['history'])).split('\n').at(-2)).toMatchInlineSnapshot(
      `"RUN-00000003  2026-01-01 00:01:00Z  -                     reset      killed   0"`,
    );
    const release = await takeInstallLock(lock);
    try {
      expect((await told(['history'])).split('\n').at(-2)).toMatchInlineSnapshot(
        `"RUN-00000003  2026-01-01 00:01:00Z  -                     reset      unfinished  0"`,
      );
    } finally {
      await release();
    }
  });
});
