// Set-up, build and quickstart under one lock of the lab: a second one must not build into dist/ while the first one runs from it.
import { reportEnd, runStep, takeLabLock } from './lab-lock.mjs';

try {
  await takeLabLock('npm run quickstart');
  const status = (await runStep('bash', ['.ci/setup.sh'])) || (await runStep('npm', ['run', 'build']));
  if (status !== 0) process.exit(status);
  process.argv.splice(2, 0, 'quickstart');
  // In this process, so that the lock lives as long as the quickstart.
  await import('./lab.mjs');
} catch (error) {
  reportEnd(error);
}
