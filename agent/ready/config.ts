import * as v from 'valibot';
import { textIn } from '../../files/text.ts';
import { fail } from '../../protocol/errors.ts';
import type { Folder } from '../tree/folder.ts';
import { readItem } from '../tree/item.ts';

/** What a bundle, or the image, asks to be told: {@link READY}. */
const READY = 'etc/coatcheck/ready.json';
const ReadyFile = v.strictObject({
  coatcheck: v.literal('ready/1'),
  webhook: v.strictObject({
    url: v.pipe(v.string(), v.check(isPlainUrl, 'is an http or https URL without a password')),
    /** PEM: the only authority whose certificates are believed */
    ca: v.exactOptional(v.string()),
  }),
});
/** Whom `ready.json` names. */
export type Webhook = v.InferOutput<typeof ReadyFile>['webhook'];

/** Where the engine is; autoinstall makes it of `management_server=` and its like. */
const ENGINE = 'etc/coatcheck/engine.json';
const EngineFile = v.strictObject({
  server: v.pipe(v.string(), v.regex(/^[A-Za-z0-9.-]+$|^[0-9a-f:.]+$/, 'is a host name')),
  port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535)), 443),
  /** Of its CA: SHA-1 or SHA-256 in hex, colons allowed */
  fingerprint: v.exactOptional(
    v.pipe(
      v.string(),
      v.transform((text) => text.replaceAll(':', '').toUpperCase()),
      v.regex(/^([0-9A-F]{40}|[0-9A-F]{64})$/, 'is a SHA-1 or a SHA-256 in hex'),
    ),
  ),
  cluster: v.optional(v.string(), 'Default'),
});
/** The oVirt engine that `engine.json` names. */
export type Engine = v.InferOutput<typeof EngineFile>;

/** Who may add hosts there. Only root may read it; without it nobody is asked to. */
const CREDENTIALS = 'etc/coatcheck/engine-credentials.json';
const CredentialsFile = v.strictObject({ username: v.string(), password: v.string() });
/** Who may add hosts there. */
export type Credentials = v.InferOutput<typeof CredentialsFile>;

/** @throws file_malformed */
export function readWebhook(root: Folder): Webhook | undefined {
  return read(root, READY, ReadyFile)?.webhook;
}

/**
 * The engine and who may add this machine there; undefined unless there are both.
 * @throws file_malformed; file_unsafe for credentials that others may read
 */
export function readEngine(
  root: Folder,
): { readonly engine: Engine; readonly credentials: Credentials } | undefined {
  const engine = read(root, ENGINE, EngineFile);
  const credentials = read(root, CREDENTIALS, CredentialsFile, 0o077);
  return engine && credentials && { engine, credentials };
}

function read<T>(
  root: Folder,
  path: string,
  schema: v.GenericSchema<unknown, T>,
  forbiddenMode = 0,
): T | undefined {
  const item = readItem(root, path);
  if (item.kind === 'absent') return undefined;
  if (item.kind === 'link') throw fail('file_unsafe', `${path} is a link`);
  if ((item.mode & forbiddenMode) !== 0) {
    throw fail('file_unsafe', `${path} can be read by others: chmod 0600`);
  }
  const parsed = v.safeParse(schema, json(item.content, path));
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  // Its own words would quote the value, which may be a secret.
  const where = v.getDotPath(issue);
  throw fail('file_malformed', `${path} is malformed${where === null ? '' : ` at ${where}`}`);
}

function json(bytes: Uint8Array, path: string): unknown {
  const text = textIn(bytes, path);
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username === '' && password === '';
}
