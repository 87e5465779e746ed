import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Type-aware rules that find mistakes; format is prettier's, and who may import whom is test/house/import-table.ts. */
export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', '**/bundles/'] },
  {
    files: ['**/*.ts'],
    extends: [js.configs.recommended, ...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: `${import.meta.dirname}/..` } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all' }],
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
      '@typescript-eslint/only-throw-error': ['error', { allowRethrowing: true, allowThrowingUnknown: true }],
      // Interfaces that are asynchronous have implementations that need not be.
      '@typescript-eslint/require-await': 'off',
      // Exit statuses and sizes in messages.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowNullish: true }],
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  { files: ['bench/**', 'test/lab/**'], rules: { 'no-console': 'off' } },
  {
    // Matchers of vitest and parsed JSON that a test looks into are any.
    files: ['test/**', 'bench/**'],
    rules: Object.fromEntries(
      ['assignment', 'call', 'argument', 'member-access', 'return'].map((what) => [`@typescript-eslint/no-unsafe-${what}`, 'off']),
    ),
  },
  {
    files: ['.ci/*.mjs', 'bench/*.mjs'],
    extends: [js.configs.recommended],
    languageOptions: { globals: { console: 'readonly', process: 'readonly', performance: 'readonly' } },
  },
);
