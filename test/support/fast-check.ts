import fc from 'fast-check';

// The gate draws the same cases in each run: a change is not refused for a case that it did not make. CAISSON_SEED draws others.
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env['CAISSON_SEED'] ?? 1) });

export * from 'fast-check';
export default fc;
