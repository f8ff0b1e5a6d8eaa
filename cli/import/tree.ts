import { isScalar, Lexer, parseDocument, visit } from 'yaml';
import type { Document, DocumentOptions, ParseOptions, SchemaOptions } from 'yaml';
import { fail } from '../../protocol/errors.ts';

/** A value as a file of settings has it. */
export type Tree = unknown;

/** A map of a file of settings. */
export type TreeMap = Readonly<Record<string, unknown>>;

/** How often one value may stand for others: more is how a few lines become gigabytes. */
const MAX_ALIASES = 100;

/**
 * More are no configuration, and what reads them takes seconds and gigabytes. 1,024 files with every field are 58,375 in a
 * cloud-config, and 125,989 in an Ignition config.
 */
const MAX_TOKENS = 200_000;

/** Whether it is a map. */
export const isTreeMap = (value: Tree): value is TreeMap =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Uint8Array);

/** Whether nothing is said by it. */
export const isEmpty = (value: Tree): boolean =>
  value === null ||
  value === undefined ||
  (Array.isArray(value) && value.every(isEmpty)) ||
  (isTreeMap(value) && Object.values(value).every(isEmpty));

/** The names in a map that are none of these and say something. */
export const namesBeside = (map: TreeMap, known: readonly string[]): string[] =>
  Object.keys(map).filter((name) => !known.includes(name));

/**
 * YAML 1.1, as cloud-init reads it. A number below `permissions` that is written in octal is text then.
 * @throws file_malformed: no YAML, several documents, a tag that YAML does not have, a key twice, too many aliases
 */
export function parseYaml(text: string): Tree {
  return reading('YAML', () => {
    const document = soundDocument(text, { version: '1.1' });
    visit(document, {
      Pair(_, { key, value }) {
        if (!isScalar(key) || key.value !== 'permissions' || !isScalar(value)) return;
        if (typeof value.value === 'number' && /^0[0-7]+$/.test(value.source ?? '')) {
          value.value = value.source;
        }
      },
    });
    return document.toJS({ maxAliasCount: MAX_ALIASES }) as Tree;
  });
}

/** @throws file_malformed: no JSON, a key twice */
export function parseJson(text: string): Tree {
  return reading('JSON', () => {
    const value = JSON.parse(text) as Tree;
    // Of a key that is there twice, JSON.parse takes the second.
    soundDocument(text, { schema: 'json' });
    return value;
  });
}

function soundDocument(
  text: string,
  options: ParseOptions & DocumentOptions & SchemaOptions,
): Document {
  let tokens = 0;
  const lexed = new Lexer().lex(text);
  while (lexed.next().done !== true) {
    if (++tokens > MAX_TOKENS) throw new Error(`it has more than ${MAX_TOKENS} parts`);
  }
  const document = parseDocument(text, { ...options, uniqueKeys: false });
  // What is only warned of counts, too: a tag that nobody knows. `logLevel: silent` would let a second document pass.
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) throw fault;
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const name: unknown = isScalar(key) ? key.value : key;
        // A symbol is the merge key, `<<`.
        if (typeof name !== 'string' && typeof name !== 'symbol')
          throw new Error('a key is no text');
        if (seen.has(name)) throw new Error(`the key ${JSON.stringify(key)} is there twice`);
        seen.add(name);
      }
    },
  });
  return document;
}

function reading<T>(kind: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const [line] = error instanceof Error ? error.message.split('\n') : [];
    throw fail('file_malformed', `it is no ${kind} that can be taken: ${line ?? 'unreadable'}`, {
      cause: error,
    });
  }
}
