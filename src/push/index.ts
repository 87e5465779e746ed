/** Pushing: the images of a bundle into a registry that the site runs already. Start with push-bundle.ts. */
export * from './destination.ts';
export * from './push-bundle.ts';
export type { PushReport, PushReportImage } from './report.ts';
