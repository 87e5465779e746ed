/**
 * Use case: phases that plan steps, the one engine that applies them, the journal. It cannot fetch: nothing
 * here may import net, sources or builder. Start with install.ts, then plan-install.ts.
 */
export * from './engine.ts';
export * from './install.ts';
export * from './staged-bundles.ts';
export * from './step.ts';
