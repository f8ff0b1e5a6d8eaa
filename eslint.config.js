import { importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/**
 * Who may import whom. Each layer lists the folders it may reach; everything else of ours is
 * refused. The server cannot read a bundle because it may not import the code that opens one.
 */
const mayImport = {
  bundle: [],
  protocol: ['bundle'],
  store: ['protocol', 'bundle'],
  functions: ['store', 'protocol', 'bundle'],
  agent: ['bundle', 'protocol'],
  cli: ['bundle', 'protocol', 'store', 'functions'],
  infra: ['protocol'],
  'local-minio': ['functions', 'store', 'protocol', 'cli', 'bundle'],
};
const layers = Object.keys(mayImport);

/** The modules of bundle/ that open or make a bundle's contents: for agent and cli only. */
const opensBundles = [
  'open',
  'seal',
  'report',
  'manifest',
  'inflate',
  'padding',
  'dictionary',
  'index',
];

const zones = layers.flatMap((target) => [
  {
    target: `./${target}`,
    from: layers.filter((l) => l !== target && !mayImport[target].includes(l)).map((l) => `./${l}`),
    message: `${target}/ may import only ${mayImport[target].join(', ') || 'nothing of ours'}`,
  },
]);
for (const target of ['protocol', 'store', 'functions', 'infra']) {
  zones.push({
    target: `./${target}`,
    from: opensBundles.map((m) => `./bundle/${m}.ts`),
    message: 'the server side never opens a bundle',
  });
}

export default tseslint.config(
  { ignores: ['dist', 'cdk.out', 'node_modules', '.cache', 'coverage'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver': { node: { extensions: ['.ts'] } } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/only-throw-error': 'error',
      'import-x/no-cycle': 'error',
    },
  },
  {
    // Tests may reach anywhere; the product's own files keep the direction.
    files: layers.map((l) => `${l}/**/*.ts`),
    ignores: ['**/*.test.ts'],
    rules: { 'import-x/no-restricted-paths': ['error', { basePath: import.meta.dirname, zones }] },
  },
  {
    files: ['**/*.test.ts', 'tests/**/*.ts'],
    rules: { '@typescript-eslint/require-await': 'off' },
  },
  { files: ['eslint.config.js'], ...tseslint.configs.disableTypeChecked },
);
