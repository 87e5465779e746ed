/** Prints plans and asks for their approval. */
export * from './print-plan.ts';
