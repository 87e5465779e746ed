import type { Command } from 'commander';
import type { RegisterCommand, RunCommand } from '../command.ts';

/**
 * Every command, in the order in which the help lists them. Each is loaded when it is wanted: the modules and libraries of all
 * of them take several times the time and memory of starting Node.
 */
const COMMANDS: Readonly<Record<string, () => Promise<RegisterCommand>>> = {
  lint: async () => (await import('./lint.ts')).registerLint,
  'build-bundle': async () => (await import('./build-bundle.ts')).registerBuildBundle,
  verify: async () => (await import('./verify.ts')).registerVerify,
  sign: async () => (await import('./sign.ts')).registerSign,
  inspect: async () => (await import('./inspect.ts')).registerInspect,
  serve: async () => (await import('./serve.ts')).registerServe,
  push: async () => (await import('./push.ts')).registerPush,
  init: async () => (await import('./init.ts')).registerInit,
  install: async () => (await import('./install.ts')).registerInstall,
  node: async () => (await import('./node.ts')).registerNode,
  option: async () => (await import('./option.ts')).registerOption,
  component: async () => (await import('./component.ts')).registerComponent,
  upgrade: async () => (await import('./upgrade.ts')).registerUpgrade,
  rollback: async () => (await import('./rollback.ts')).registerRollback,
  bundles: async () => (await import('./bundles.ts')).registerBundles,
  reset: async () => (await import('./reset.ts')).registerReset,
  backup: async () => (await import('./backup.ts')).registerBackup,
  restore: async () => (await import('./restore.ts')).registerRestore,
  adopt: async () => (await import('./adopt.ts')).registerAdopt,
  cluster: async () => (await import('./cluster.ts')).registerCluster,
  logs: async () => (await import('./logs.ts')).registerLogs,
  'support-bundle': async () => (await import('./support-bundle.ts')).registerSupportBundle,
  history: async () => (await import('./history.ts')).registerHistory,
  certificates: async () => (await import('./certificates.ts')).registerCertificates,
  secrets: async () => (await import('./secrets.ts')).registerSecrets,
  agent: async () => (await import('./agent.ts')).registerAgent,
  completion: async () => (await import('./completion.ts')).registerCompletion,
  man: async () => (await import('./man.ts')).registerMan,
  licenses: async () => (await import('./licenses.ts')).registerLicenses,
  version: async () => (await import('./version.ts')).registerVersion,
};

/** Commands that print what all commands are. */
const ABOUT_ALL = new Set(['completion', 'man']);

/** Adds the command of this name to the program, or every command where there is none of this name or it is about all of them. */
export async function registerCommands(program: Command, run: RunCommand, name?: string): Promise<void> {
  const one = name !== undefined && Object.hasOwn(COMMANDS, name) && !ABOUT_ALL.has(name) ? COMMANDS[name] : undefined;
  const wanted = one === undefined ? Object.values(COMMANDS) : [one];
  for (const register of await Promise.all(wanted.map((load) => load()))) register(program, run);
}
