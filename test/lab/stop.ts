import { labHolder } from '../../.ci/lab-lock.mjs';
import { ensureEngine } from './engine.ts';
import { otherOwner, removeLab } from './hosts.ts';
import { labName, QUICKSTART } from './scenario.ts';

/**
 * Ends the lab that the quickstart left: its hosts, its network, and the engine if the lab started that and nobody else uses it. The lab of
 * another checkout only with --any, and none while a quickstart runs.
 */
async function stop(): Promise<void> {
  const name = labName(QUICKSTART);
  const holder = await labHolder();
  if (holder?.what === 'npm run quickstart') {
    refuse(`a quickstart runs in ${holder.directory} (process ${holder.pid})
  Wait for it to end, or end it: Ctrl-C in its terminal, or kill ${holder.pid}; then run this again`);
    return;
  }
  const engine = await ensureEngine();
  try {
    const owner = await otherOwner(engine, name);
    if (owner !== undefined && !process.argv.includes('--any')) {
      refuse(`the one that is up is of ${owner}
  End it there: npm --prefix ${owner} run quickstart:stop
  Where that checkout is gone: npm run quickstart:stop -- --any`);
      return;
    }
    await removeLab(engine, name);
    console.log('The lab is gone');
  } finally {
    await engine.stop();
  }
}

function refuse(reason: string): void {
  console.error(`Cannot end the lab of the quickstart: ${reason}`);
  process.exitCode = 7;
}

await stop();
