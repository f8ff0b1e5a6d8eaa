import { randomBytes } from 'node:crypto';
import { signaturesText } from '../../admin/cosigned.ts';
import {
  beginningOf,
  formatBegunCapability,
  formatMonitor,
  giveCapability,
  MAX_MONITOR_BYTES,
  parseBegunCapability,
  parseMonitor,
  readStates,
  signCapabilityToo,
  withSignatures,
} from '../../admin/monitor.ts';
import type { Monitor, MonitorView } from '../../admin/monitor.ts';
import { deriveIdentity, utf8 } from '../../bundle/index.ts';
import { readLocalFile } from '../../files/read.ts';
import { textIn } from '../../files/text.ts';
import { createFile, exists, replaceFile } from '../../files/write.ts';
import { parseCa } from '../../net/certificates.ts';
import { createFetch } from '../../net/fetch.ts';
import { createClient } from '../../protocol/client.ts';
import type { Client } from '../../protocol/client.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { confirm } from '../confirm.ts';
import type { ConsentFlags } from '../confirm.ts';
import type { Context } from '../context.ts';
import { replaceUnchanged } from '../replace-unchanged.ts';
import { serverAddress } from '../server-address.ts';
import { sessionsOf } from '../session.ts';
import { stateText } from '../status-table.ts';
import { printTable } from '../table.ts';
import { parseExpiry, when } from '../../words/time.ts';

const DEFAULT_DAYS = 90;

/**
 * `coatcheck keys monitor FILE`: a key that may be told how nodes stand, and nothing else. Where several have to
 * sign, it begins a file that goes round, and given again takes the signatures of that.
 */
export async function keysMonitor(
  context: Context,
  path: string,
  {
    name,
    expires: text,
    to = `${path.replace(/\.json$/, '')}.to-sign.json`,
  }: { readonly name: string; readonly expires?: string; readonly to?: string },
): Promise<void> {
  const { terminal } = context;
  if (await exists(path)) {
    await finish(context, path, to);
    return;
  }
  const session = await (await sessionsOf(context))();
  const expires = parseExpiry(text ?? `${DEFAULT_DAYS}d`, session.client.now());
  if (expires === 'never') {
    throw fail('usage', 'the right to read states has an end: --expires 90d, up to 400d');
  }
  const seed = Uint8Array.from(randomBytes(32));
  const { signKey } = deriveIdentity(seed);
  const given = await giveCapability(session, { signKey, expires, name });
  const begun = beginningOf(session, given.capability);
  if (begun.lacking > 0 && (await exists(to))) {
    throw fail('file_exists', `${to} exists already: name another with --to`);
  }
  await createFile(path, utf8(formatMonitor({ seed, ...given })), 0o600);
  if (begun.lacking > 0) {
    await createFile(to, utf8(formatBegunCapability(given.capability)), 0o644);
    throw fail(
      'undersigned',
      `wrote ${path}, whose right has ${signaturesText(begun)}: keep it, and send ${to} to them, for coatcheck keys sign; then coatcheck keys monitor ${path} again takes their signatures`,
    );
  }
  tell(terminal, path, { name, expires });
}

function tell(
  terminal: Context['terminal'],
  path: string,
  { name, expires }: { readonly name: string; readonly expires: number },
): void {
  terminal.document({ file: path, name, expires });
  terminal.print(`wrote ${path}: coatcheck status --capability ${path}`);
  terminal.hint(
    `whoever has it is told ids, times and types of decisions until ${when(expires)}, or until the administrators change; it cannot be taken back before`,
  );
}

/** Takes what the others have signed. @throws file_exists where nothing was lacking */
async function finish(context: Context, path: string, to: string): Promise<void> {
  const monitor = await readIfMonitor(path);
  if (monitor === undefined) throw fail('file_exists', `${path} exists already`);
  const session = await (await sessionsOf(context))();
  if (beginningOf(session, monitor.capability).lacking === 0) {
    throw fail('file_exists', `${path} exists already, and has all signatures`);
  }
  const copy = await readLocalFile(to, { maxBytes: MAX_MONITOR_BYTES });
  const capability = withSignatures(monitor.capability, parseBegunCapability(textIn(copy, to)));
  const begun = beginningOf(session, capability);
  await replaceFile(path, utf8(formatMonitor({ ...monitor, capability })), 0o600);
  if (begun.lacking > 0) {
    throw fail(
      'undersigned',
      `the right in ${path} has ${signaturesText(begun)}: send ${to} to them, for coatcheck keys sign`,
    );
  }
  tell(context.terminal, path, begun.signed.capability);
}

async function readIfMonitor(path: string): Promise<Monitor | undefined> {
  try {
    return await readMonitor(path);
  } catch (error) {
    if (hasCode(error, 'file_malformed', 'file_unsafe')) return undefined;
    throw error;
  }
}

/** `coatcheck keys sign FILE`, of a right to read states that another administrator began. */
export async function signMonitor(
  context: Context,
  { path, text }: { readonly path: string; readonly text: string },
  flags: ConsentFlags,
): Promise<void> {
  const { terminal } = context;
  const bytes = parseBegunCapability(text);
  const session = await (await sessionsOf(context))();
  const begun = beginningOf(session, bytes);
  const { name, expires } = begun.signed.capability;
  terminal.print(`${terminal.style.bold('right to read states')} for ${escapeLine(name)}`);
  terminal.print(
    `  until ${when(expires)}: ids, words, times and types of decisions; it opens and decides nothing`,
  );
  terminal.print(`signed by ${begun.signedBy.map(escapeLine).join(', ')}`);
  let now = begun;
  if (begun.lacking > 0) {
    await confirm([], terminal, 'Sign this?', flags);
    const capability = await signCapabilityToo(session, begun);
    await replaceUnchanged(path, utf8(text), utf8(formatBegunCapability(capability)), 0o644);
    now = beginningOf(session, capability);
  }
  if (now.lacking > 0) {
    throw fail(
      'undersigned',
      `${path} has ${signaturesText(now)}: send it to them, for coatcheck keys sign`,
    );
  }
  terminal.document({ file: path, name, expires, signedBy: now.signedBy });
  terminal.print(
    `${path} has all signatures: give it back to ${escapeLine(begun.signedBy[0]!)}, for coatcheck keys monitor`,
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

/** Who asks for states by a file. @param waits as of `createClient`. @throws usage without a server */
export function monitorClient(context: Context, monitor: Monitor, waits: boolean): Client {
  const { site, seed, capability } = monitor;
  const named = context.server ?? site.servers[0];
  if (named === undefined) {
    throw fail('usage', 'the site names no server: give one with --server');
  }
  return createClient({
    ...{ server: serverAddress(named), site: site.id, identity: deriveIdentity(seed), capability },
    ...{ waits, fetch: createFetch({ ca: site.ca }) },
  });
}

/** `coatcheck status --capability FILE`: how every node stands, by the server's word. */
export async function monitorStatus(
  context: Context,
  path: string,
): Promise<readonly MonitorView[]> {
  const { terminal } = context;
  const client = monitorClient(context, await readMonitor(path), true);
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
