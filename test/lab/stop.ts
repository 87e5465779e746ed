import { ensureEngine } from './engine.ts';
import { removeLab } from './hosts.ts';
import { labName, QUICKSTART } from './scenario.ts';

/** Ends the lab that the quickstart left: its hosts, its network, and the engine if the lab started that. */
const engine = await ensureEngine();
await removeLab(engine, labName(QUICKSTART));
await engine.stop();
console.log('The lab is gone');
