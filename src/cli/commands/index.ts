import type { RegisterCommand } from '../command.ts';
import { registerAdopt } from './adopt.ts';
import { registerAgent } from './agent.ts';
import { registerBackup } from './backup.ts';
import { registerBuildBundle } from './build-bundle.ts';
import { registerBundles } from './bundles.ts';
import { registerCertificates } from './certificates.ts';
import { registerCluster } from './cluster.ts';
import { registerComponent } from './component.ts';
import { registerHistory } from './history.ts';
import { registerInit } from './init.ts';
import { registerInspect } from './inspect.ts';
import { registerInstall } from './install.ts';
import { registerNode } from './node.ts';
import { registerOption } from './option.ts';
import { registerPush } from './push.ts';
import { registerReset } from './reset.ts';
import { registerRestore } from './restore.ts';
import { registerRollback } from './rollback.ts';
import { registerSecrets } from './secrets.ts';
import { registerServe } from './serve.ts';
import { registerSign } from './sign.ts';
import { registerUpgrade } from './upgrade.ts';
import { registerVerify } from './verify.ts';

const COMMANDS: readonly RegisterCommand[] = [
  registerBuildBundle,
  registerVerify,
  registerSign,
  registerInspect,
  registerServe,
  registerPush,
  registerInit,
  registerInstall,
  registerNode,
  registerOption,
  registerComponent,
  registerUpgrade,
  registerRollback,
  registerBundles,
  registerReset,
  registerBackup,
  registerRestore,
  registerAdopt,
  registerCluster,
  registerHistory,
  registerCertificates,
  registerSecrets,
  registerAgent,
];

/** Adds every command, in the order in which the help lists them. */
export const registerCommands: RegisterCommand = (program, run) => {
  for (const register of COMMANDS) register(program, run);
};
