import { randomBytes } from 'node:crypto';
import {
  formatMonitor,
  giveCapability,
  MAX_MONITOR_BYTES,
  parseMonitor,
  readStates,
} from '../../admin/monitor.ts';
import type { Monitor, MonitorView } from '../../admin/monitor.ts';
import { deriveIdentity, utf8 } from '../../bundle/index.ts';
import { readLocalFile } from '../../files/read.ts';
import { textIn } from '../../files/text.ts';
import { createFile, exists } from '../../files/write.ts';
import { parseCa } from '../../net/certificates.ts';
import { createFetch } from '../../net/fetch.ts';
import { createClient } from '../../protocol/client.ts';
import { fail } from '../../protocol/errors.ts';
import type { Context } from '../context.ts';
import { serverAddress } from '../server-address.ts';
import { openSession } from '../session.ts';
import { stateText } from '../status-table.ts';
import { printTable } from '../table.ts';
import { parseExpiry, when } from '../../words/time.ts';

const DEFAULT_DAYS = 90;

/** `coatcheck keys monitor FILE`: a key that may be told how nodes stand, and nothing else. */
export async function keysMonitor(
  context: Context,
  path: string,
  { name, expires: text }: { readonly name: string; readonly expires?: string },
): Promise<void> {
  const { terminal } = context;
  if (await exists(path)) throw fail('file_exists', `${path} exists already`);
  const session = await openSession(context);
  const expires = parseExpiry(text ?? `${DEFAULT_DAYS}d`, session.client.now());
  if (expires === 'never') {
    throw fail('usage', 'the right to read states has an end: --expires 90d, up to 400d');
  }
  const seed = Uint8Array.from(randomBytes(32));
  const { signKey } = deriveIdentity(seed);
  const given = await giveCapability(session, { signKey, expires, name });
  await createFile(path, utf8(formatMonitor({ seed, ...given })), 0o600);
  terminal.document({ file: path, name, expires });
  terminal.print(`wrote ${path}: coatcheck status --capability ${path}`);
  terminal.hint(
    `whoever has it is told ids, times and types of decisions until ${when(expires)}, or until the administrators change; it cannot be taken back before`,
  );
}

/** The file of a monitor. @throws file_missing, file_unsafe, file_malformed, naming the file */
export async function readMonitor(path: string): Promise<Monitor> {
  const content = await readLocalFile(path, { maxBytes: MAX_MONITOR_BYTES, secret: true });
  try {
    return parseMonitor(textIn(content, path), parseCa);
  } catch (error) {
    throw fail('file_malformed', `${path}: ${(error as Error).message}`);
  }
}

/** `coatcheck status --capability FILE`: how every node stands, by the server's word. */
export async function monitorStatus(
  context: Context,
  path: string,
): Promise<readonly MonitorView[]> {
  const { terminal } = context;
  const { site, seed, capability } = await readMonitor(path);
  const named = context.server ?? site.servers[0];
  if (named === undefined) {
    throw fail('usage', 'the site names no server: give one with --server');
  }
  const client = createClient({
    ...{ server: serverAddress(named), site: site.id, identity: deriveIdentity(seed), capability },
    ...{ waits: true, fetch: createFetch({ ca: site.ca }) },
  });
  const nodes = await terminal.waiting('asking the server', () => readStates(client));
  terminal.document({ nodes });
  if (nodes.length === 0) terminal.hint('there is no node yet');
  const { style } = terminal;
  const head = ['NODE', 'STATE', 'SINCE', 'IN FORCE', 'EXPIRES', 'REPORTED'];
  const rows = nodes.map((view) => cells(view, style));
  if (nodes.length > 0) {
    printTable(terminal, [head, ...rows], (i) =>
      nodes[i]!.states.includes('waiting') ? [style.dim(`  ${nodes[i]!.words}`)] : [],
    );
  }
  return nodes;
}

function cells(view: MonitorView, style: Context['terminal']['style']): string[] {
  const { node, states, waitingSince, type, seq, issued, expires, reported } = view;
  const orNever = (time: number | undefined): string => (time === undefined ? '-' : when(time));
  return [
    node,
    stateText({ states, refreshing: false }, style),
    orNever(waitingSince ?? issued),
    type === undefined || seq === undefined ? '-' : `${type} (seq ${seq})`,
    orNever(expires),
    orNever(reported),
  ];
}
