import { format, resolveConfig } from 'prettier';
import { ANSWERS } from '../agent/answers/cmdline/answers.ts';
import { ORDERS } from '../agent/answers/cmdline/orders.ts';
import { PROGRAM as AGENT } from '../agent/program.ts';
import { BUNDLE_ERROR_CODES } from '../bundle/errors.ts';
import { deriveIdentity } from '../bundle/identity.ts';
import { PROGRAM as CLI } from '../cli/program.ts';
import { ERRORS } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { ROUTES } from '../protocol/http.ts';
import { signRequest } from '../protocol/request-signature.ts';
import { renderMap } from './map.ts';
import { table } from './markdown.ts';
import { openApi } from './openapi.ts';
import { manPages } from './man-pages.ts';
import { commandsTable, optionsTable } from './usage-docs.ts';

type Read = (path: string) => Promise<string>;

/**
 * Every document that is made from the code, by path, as it should be now: docs/openapi.json and
 * docs/man/ and docs/map.svg whole, and what stands between the markers of docs/http-api.md,
 * docs/config.md and docs/node.md.
 */
export async function renderDocs(read: Read): Promise<Record<string, string>> {
  const { version } = JSON.parse(await read('package.json')) as { version: string };
  const filled = async (path: string, texts: Readonly<Record<string, string>>): Promise<string> =>
    Object.entries(texts).reduce(
      (document, [name, text]) => fill(path, document, name, text),
      await read(path),
    );
  const made = await formatted({
    'docs/openapi.json': JSON.stringify(openApi(version)),
    'docs/http-api.md': await filled('docs/http-api.md', {
      routes: routesTable(),
      errors: errorsTable(),
      'signed request': signedRequest(),
    }),
    'docs/config.md': await filled('docs/config.md', {
      'options of coatcheck': optionsTable(CLI),
      'commands of coatcheck': commandsTable(CLI),
      'options of coatcheck-agent': optionsTable(AGENT),
      'commands of coatcheck-agent': commandsTable(AGENT),
    }),
    'docs/node.md': await filled('docs/node.md', { arguments: argumentsTable() }),
  });
  return { ...made, ...manPages(), 'docs/map.svg': await renderMap() };
}

async function formatted(files: Record<string, string>): Promise<Record<string, string>> {
  const entries = Object.entries(files).map(async ([path, text]) => {
    const options = (await resolveConfig(path)) ?? {};
    return [path, await format(text, { ...options, filepath: path })] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** Puts `text` between `<!-- name -->` and `<!-- /name -->`. */
function fill(path: string, document: string, name: string, text: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const start = document.indexOf(open);
  const end = document.indexOf(close);
  if (start < 0 || end < start) throw new Error(`${path} has no markers for ${name}`);
  return `${document.slice(0, start + open.length)}\n\n${text}\n\n${document.slice(end)}`;
}

function routesTable(): string {
  return table(
    ['route', 'signed by', 'credential', 'what it does'],
    Object.values(ROUTES).map((route) => [
      `\`${route.method} ${route.path}\``,
      route.signedBy,
      route.credential,
      route.summary,
    ]),
  );
}

function errorsTable(): string {
  const ofFormat = new Set<string>(BUNDLE_ERROR_CODES);
  const rows = (Object.keys(ERRORS) as ErrorCode[])
    .filter((code) => !ofFormat.has(code))
    .map((code) => [`\`${code}\``, ...rowOf(code)]);
  const [anyOfFormat] = BUNDLE_ERROR_CODES;
  return table(
    ['code', 'status', 'exit code', 'what a node does'],
    [...rows, ['any code of the format (docs/format.md)', ...rowOf(anyOfFormat)]],
  );
}

function rowOf(code: ErrorCode): string[] {
  const { status, exit, node } = ERRORS[code];
  return [String(status), String(exit), node];
}

/** Every argument of the kernel's command line that the agent reads. */
function argumentsTable(): string {
  return table(
    ['argument', 'meaning', 'without it', 'example'],
    [...ORDERS, ...ANSWERS].map(({ name, meaning, otherwise, example }) => [
      `\`${name}\``,
      meaning,
      otherwise,
      `\`${example}\``,
    ]),
  );
}

/** A worked example that anybody can check: every value follows from the seed. */
function signedRequest(): string {
  const seed = new Uint8Array(32).fill(1);
  const identity = deriveIdentity(seed);
  const url = new URL(`http://coatcheck.example:8420/v1/nodes/${identity.id}/config`);
  const site = new Uint8Array(16).fill(2);
  const headers = signRequest({ method: 'GET', url, site, identity, created: 1_790_000_000 });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [
    `Seed 32 times \`01\`, site 16 times \`02\`, at 1790000000:`,
    '```http',
    `GET ${url.pathname} HTTP/1.1`,
    `host: ${url.host}`,
    ...lines,
    '```',
  ].join('\n');
}
