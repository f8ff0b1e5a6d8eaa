import { builtinModules } from 'node:module';
import { dirname, relative, resolve, sep } from 'node:path';
import tseslint from 'typescript-eslint';

/**
 * Who may import whom. Each layer lists the folders it may reach; everything else of ours is
 * refused. The server cannot read a bundle because it may not import the code that opens one.
 */
const mayImport = {
  bundle: [],
  usage: ['protocol'],
  protocol: ['bundle'],
  net: ['protocol', 'bundle'],
  files: ['protocol', 'bundle'],
  store: ['files', 'protocol', 'bundle'],
  functions: ['store', 'files', 'net', 'protocol', 'bundle'],
  agent: ['bundle', 'protocol', 'net', 'usage', 'files'],
  admin: ['bundle', 'protocol'],
  cli: ['bundle', 'protocol', 'net', 'admin', 'store', 'functions', 'usage', 'files'],
  infra: ['protocol', 'net'],
  'local-minio': ['functions', 'store', 'files', 'net', 'protocol', 'admin', 'cli', 'bundle'],
};
const layers = Object.keys(mayImport);

/** The folders that run in a browser, too: nothing of Node is there. */
const withoutNode = ['bundle', 'protocol', 'admin'];

/** The modules of bundle/ that neither make nor open contents: all that the server side may use. */
const publicPart = [
  ...['base64', 'brand', 'bytes', 'ed25519', 'errors', 'frame', 'header', 'identity', 'keyset'],
  ...['path', 'statement', 'x25519'],
].map((name) => `bundle/${name}.ts`);
const serverSide = ['protocol', 'net', 'files', 'store', 'functions', 'infra'];

/** What of bundle/ and protocol/ is, gives or takes a secret key. */
const takesSecret = [
  ...['Identity', 'BoxKeys', 'deriveIdentity', 'signStatement', 'addSignature', 'signKeyset'],
  ...['sealBundle', 'sealReport', 'openBundle', 'openReport', 'signRequest'],
];

/** Where an import leads, as a path from the top of the repository; undefined for a package. */
function targetOf(filename, specifier) {
  if (!specifier.startsWith('.')) return undefined;
  return relative(import.meta.dirname, resolve(dirname(filename), specifier))
    .split(sep)
    .join('/');
}

const layering = {
  create(context) {
    const layer = relative(import.meta.dirname, context.filename).split(sep)[0];
    function check(source) {
      if (typeof source?.value !== 'string') return;
      const target = targetOf(context.filename, source.value);
      if (!target?.includes('/')) return;
      const folder = target.split('/')[0];
      if (folder !== layer && !mayImport[layer].includes(folder)) {
        const allowed = mayImport[layer].join(', ') || 'nothing of ours';
        context.report({ node: source, message: `${layer}/ may import only ${allowed}` });
      } else if (
        serverSide.includes(layer) &&
        folder === 'bundle' &&
        !publicPart.includes(target)
      ) {
        context.report({ node: source, message: 'the server side never opens a bundle' });
      }
    }
    const visit = (node) => check(node.source);
    return {
      ImportDeclaration: visit,
      ExportNamedDeclaration: visit,
      ExportAllDeclaration: visit,
      ImportExpression: visit,
      TSImportType: visit,
    };
  },
};

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
    plugins: { coatcheck: { rules: { layering } } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
    },
  },
  {
    // Tests may reach anywhere; the product's own files keep the direction.
    files: layers.map((l) => `${l}/**/*.ts`),
    ignores: ['**/*.test.ts'],
    rules: { 'coatcheck/layering': 'error' },
  },
  {
    files: withoutNode.map((l) => `${l}/**/*.ts`),
    // The one module that Node has in place of a portable one (`#platform`).
    ignores: ['**/*.test.ts', 'bundle/platform/node.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { paths: builtinModules, patterns: [{ regex: '^node:|/platform/node\\.ts$' }] },
      ],
      'no-restricted-globals': ['error', 'process', 'Buffer', 'global', 'require', 'setImmediate'],
    },
  },
  {
    // An administrator's key is behind two ports: one module makes them of a key in memory.
    files: ['admin/**/*.ts'],
    ignores: ['**/*.test.ts', 'admin/local-key.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: `ImportSpecifier[imported.name=/^(${takesSecret.join('|')})$/]`,
          message: 'admin/ asks the ports of a key (key.ts) for what a secret is needed for',
        },
      ],
    },
  },
  {
    files: ['**/*.test.ts', 'tests/**/*.ts'],
    rules: { '@typescript-eslint/require-await': 'off' },
  },
  { files: ['eslint.config.js'], ...tseslint.configs.disableTypeChecked },
);
