/** The only code that prints: events, errors and tables as text, as a terminal display or as JSON lines. */
export * from './cell.ts';
export * from './error-report.ts';
export * from './escape.ts';
export * from './json-renderer.ts';
export * from './plain-renderer.ts';
export * from './renderer.ts';
export * from './table.ts';
export * from './terminal-renderer.ts';
