import { existsSync, readFileSync } from 'node:fs';
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
  words: ['admin', 'bundle', 'protocol'],
  web: ['words', 'admin', 'protocol', 'bundle'],
  cli: [
    ...['bundle', 'protocol', 'net', 'admin', 'words', 'web', 'store', 'functions', 'usage'],
    'files',
  ],
  infra: ['protocol', 'net'],
  packaging: ['protocol', 'files', 'cli'],
  image: ['packaging', 'protocol', 'net', 'files', 'cli'],
  'local-minio': ['functions', 'store', 'files', 'net', 'protocol', 'admin', 'cli', 'bundle'],
};
const layers = Object.keys(mayImport);

/**
 * The same between the folders of a layer, from what puts all together down to what knows nothing of
 * ours. What lies beside them may reach every one, and is reached by none.
 */
const foldersOf = {
  agent: {
    commands: [
      ...['stages', 'ready', 'boot', 'network', 'answers', 'apply', 'systemd', 'identity'],
      ...['programs', 'console', 'tree'],
    ],
    stages: [...['ready', 'boot', 'network', 'answers', 'apply', 'systemd', 'console', 'tree']],
    ready: ['boot', 'systemd', 'programs', 'console', 'tree'],
    boot: ['network', 'apply', 'identity', 'console', 'tree'],
    network: ['answers', 'systemd', 'programs', 'console', 'tree'],
    answers: ['apply', 'identity', 'programs', 'tree'],
    apply: ['systemd', 'tree'],
    systemd: ['programs', 'tree'],
    identity: ['programs', 'tree'],
    programs: ['tree'],
    console: [],
    tree: [],
  },
};

/** The folders that run in a browser, too: nothing of Node is there. */
const withoutNode = ['bundle', 'protocol', 'admin', 'words'];
const inBrowser = `${withoutNode.join('/, ')}/ run in a browser, too: whoever calls them brings it`;

/** The modules of bundle/ that neither make nor open contents: all that the server side may use. */
const publicPart = [
  ...[
    'base64',
    'brand',
    'bytes',
    'capability',
    'ed25519',
    'errors',
    'frame',
    'header',
    'hostname',
    'identity',
  ],
  ...['keyset', 'path', 'statement', 'words', 'x25519'],
].map((name) => `bundle/${name}.ts`);
const serverSide = ['protocol', 'net', 'files', 'store', 'functions', 'infra'];

/** What of bundle/ and protocol/ is, gives or takes a secret key. */
const takesSecret = [
  ...['Identity', 'BoxKeys', 'deriveIdentity', 'signStatement', 'addSignature', 'signKeyset'],
  'signCapability',
  ...['sealBundle', 'sealReport', 'openBundle', 'openReport', 'signRequest'],
];

/** Where an import leads, as a path from the top of the repository; undefined for a package. */
function targetOf(filename, specifier) {
  if (!specifier.startsWith('.')) return undefined;
  return relative(import.meta.dirname, resolve(dirname(filename), specifier))
    .split(sep)
    .join('/');
}

/** Why a file may not import another; undefined where it may. Both as paths from the top. */
function objectionTo(from, to) {
  const [layer, room, isIn] = from.split('/');
  const [folder, otherRoom, otherIsIn] = to.split('/');
  if (folder !== layer) {
    if (!mayImport[layer].includes(folder)) return only(layer, mayImport[layer]);
    const isClosed = serverSide.includes(layer) && folder === 'bundle' && !publicPart.includes(to);
    return isClosed ? 'the server side never opens a bundle' : undefined;
  }
  const folders = foldersOf[layer];
  if (folders === undefined || isIn === undefined) return undefined;
  const allowed = folders[room];
  if (allowed === undefined) return `say here what ${layer}/${room}/ may import: eslint.config.js`;
  if (otherIsIn !== undefined && (otherRoom === room || allowed.includes(otherRoom)))
    return undefined;
  return only(`${layer}/${room}`, allowed);
}
const only = (folder, allowed) =>
  `${folder}/ may import ${allowed.length > 0 ? `only ${allowed.join(', ')}` : 'nothing of ours'} (ARCHITECTURE.md, the map)`;

const layering = {
  create(context) {
    const file = relative(import.meta.dirname, context.filename)
      .split(sep)
      .join('/');
    function check(source) {
      if (typeof source?.value !== 'string') return;
      const target = targetOf(context.filename, source.value);
      if (!target?.includes('/')) return;
      const message = objectionTo(file, target);
      if (message !== undefined) context.report({ node: source, message });
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

/** What a module imports of ours, types too. Every module is read once. */
const imports = new Map();
function importsOf(file) {
  let found = imports.get(file);
  if (found === undefined) {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const specifiers = text.matchAll(/(?:^(?:import|export)\b[^;']*?|\bimport\()'(\.[^']+\.ts)'/gm);
    found = [...specifiers].map(([, specifier]) => resolve(dirname(file), specifier));
    imports.set(file, found);
  }
  return found;
}

/** The modules from one back to itself; undefined where no way leads back. */
function cycleOf(file) {
  const cameFrom = new Map();
  const left = [file];
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    for (const next of importsOf(at)) {
      if (next === file) {
        const way = [];
        for (let one = at; one !== undefined; one = cameFrom.get(one)) way.unshift(one);
        return [...way, file];
      }
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, at);
      left.push(next);
    }
  }
  return undefined;
}

/** What leads back to itself can be understood, and moved, only as one. */
const noCycle = {
  create: (context) => ({
    Program(node) {
      const cycle = cycleOf(context.filename);
      if (cycle === undefined) return;
      const way = cycle.map((file) => relative(import.meta.dirname, file)).join(' imports ');
      context.report({
        node,
        message: `imports itself: ${way}; what both need belongs below them`,
      });
    },
  }),
};

/** Every exported name says what it promises: a docstring stands before it. */
const documented = {
  create(context) {
    return {
      'Program > ExportNamedDeclaration[declaration]'(node) {
        const [first] = node.parent.body;
        const comment = context.sourceCode.getCommentsBefore(node).at(-1);
        const isDocstring = comment?.type === 'Block' && comment.value.startsWith('*');
        // Of the module, if it is the first of all and an empty line follows.
        const isOfModule = node === first && node.loc.start.line - (comment?.loc.end.line ?? 0) > 1;
        if (isDocstring && !isOfModule) return;
        const { id, declarations } = node.declaration;
        const name = id?.name ?? declarations?.map((one) => one.id.name).join(', ');
        context.report({
          node,
          message: `${name} is exported and has no docstring: say what it promises`,
        });
      },
    };
  },
};

export default tseslint.config(
  // examples/ import the package, which has to be packed first: tests/integration/library.test.ts compiles them.
  { ignores: ['dist', 'cdk.out', 'node_modules', '.cache', 'coverage', 'examples'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    plugins: { coatcheck: { rules: { layering, 'no-cycle': noCycle, documented } } },
    rules: {
      'coatcheck/no-cycle': 'error',
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
    files: layers.map((l) => `${l}/**/*.{ts,tsx}`),
    ignores: ['**/*.test.ts'],
    rules: { 'coatcheck/layering': 'error', 'coatcheck/documented': 'error' },
  },
  {
    files: withoutNode.map((l) => `${l}/**/*.ts`),
    // The one module that Node has in place of a portable one (`#platform`).
    ignores: ['**/*.test.ts', 'bundle/platform/node.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: builtinModules.map((name) => ({ name, message: inBrowser })),
          patterns: [{ regex: '^node:|/platform/node\\.ts$', message: inBrowser }],
        },
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
    rules: {
      '@typescript-eslint/require-await': 'off',
      'no-restricted-syntax': [
        'error',
        ...[
          'CallExpression[callee.name=/^(it|test|beforeAll|beforeEach|afterAll|afterEach)$/] > Literal:last-child[raw=/^[0-9_]+$/]',
          'CallExpression[callee.callee.property.name=/^(each|for)$/] > Literal:last-child[raw=/^[0-9_]+$/]',
          'CallExpression[callee.name=/^(it|test|describe|itWith)$/] > ObjectExpression > Property[key.name="timeout"]',
          'CallExpression[callee.property.name="poll"] > ObjectExpression > Property[key.name="timeout"]',
        ].map((selector) => ({
          selector,
          message: 'a test has no time limit of its own: tests/support/limits.ts',
        })),
      ],
    },
  },
  { files: ['eslint.config.js'], ...tseslint.configs.disableTypeChecked },
);
