/**
 * Organizations in the subjects of client certificates, by which agents know who asks: those of operators may ask for
 * everything, those of monitors for metrics alone.
 */
export const OPERATORS = 'caisson:operators';
export const MONITORS = 'caisson:monitors';
