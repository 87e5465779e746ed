import type { UnitFile } from '../../src/host/index.ts';

/** A unit with everything that needs care. */
export const SAMPLE_UNIT: UnitFile = {
  description: 'Depot of 100% of "prod"',
  documentation: 'https://example.com/docs',
  after: ['network-online.target', 'docker.service'],
  wants: ['network-online.target'],
  requires: ['docker.service'],
  startLimitIntervalSec: 0,
  workingDirectory: '/',
  environment: { A: 'b', GREETING: 'it\'s 50% of $HOME "quoted"' },
  execStartPre: [{ argv: ['/usr/bin/docker', 'rm', '-f', 'depot'], ignoreFailure: true }],
  execStart: {
    argv: ['/usr/local/bin/caisson', 'serve', '--name', 'two words', '%i', '$HOME', 'a\\b', 'tab\there', 'line\nbreak', '', ';', 'ümlaut'],
  },
  execStop: { argv: ['/bin/true'] },
  restart: 'always',
  restartSec: 10,
  timeoutStopSec: 30,
  killMode: 'mixed',
  limitNofile: 65536,
  settings: { ProtectSystem: 'strict' },
};
