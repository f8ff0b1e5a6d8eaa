import { fromUtf8, toHex } from '../../bundle/bytes.ts';
import { maxFrameBytes } from '../../bundle/frame.ts';
import { nodeWords } from '../../bundle/words.ts';
import { fail } from '../../protocol/errors.ts';
import { parseDigest } from '../../protocol/keys.ts';
import { classifyPath } from '../../protocol/paths.ts';
import { find } from '../boot/boot.ts';
import { finish } from '../stages/finish.ts';
import { captureFiles } from '../apply/capture.ts';
import { openTerminal } from '../answers/dialogue/terminal.ts';
import { formatTime } from '../console/console.ts';
import type { Console } from '../console/console.ts';
import { readPath } from '../tree/files.ts';
import { withRoot } from '../tree/folder.ts';
import { install, tellDecision } from '../boot/install.ts';
import { readMarker } from '../apply/marker.ts';
import { tellBlank } from '../identity/memory/open.ts';
import { openNode, openOwn } from '../boot/node.ts';
import type { Node, Places } from '../boot/node.ts';
import { propose } from '../boot/propose.ts';
import { createServers } from '../boot/servers.ts';
import { createSource, decisionFromCopy } from '../boot/source.ts';
import type { Decision } from '../boot/source.ts';
import { takeChanges } from '../boot/changes.ts';
import { takeSnapshot } from '../boot/snapshot.ts';
import type { Draft } from '../boot/snapshot.ts';
import { readApplied } from '../apply/status.ts';
import { throwFailures } from '../stages/outcome.ts';
import { tellInstalled, tellSkipped } from '../stages/tell.ts';
import { NOT_ASKED } from '../ready/ready.ts';
import { activate } from '../systemd/activate.ts';
import { createPatience } from '../boot/wait.ts';

/** What every command is given. */
export interface Context {
  readonly places: Places;
  readonly server: string | undefined;
  readonly console: Console;
  /** Unix seconds */
  readonly now: () => number;
}

export function capture({ places, console }: Context): void {
  const { files, skipped } = withRoot(places.root, captureFiles);
  const shown = files.map((file) => ({
    path: file.path,
    class: classifyPath(file.path),
    mode: file.mode.toString(8).padStart(4, '0'),
    owner: file.owner,
    group: file.group,
    size: file.content.length,
  }));
  const lines = shown.map(
    (f) =>
      `${f.mode} ${f.owner}:${f.group} ${String(f.size).padStart(6)} ${f.class!.padEnd(6)} ${f.path}`,
  );
  tellSkipped(console, skipped);
  console.note(`${counted(files.length)}, ${shown.reduce((sum, f) => sum + f.size, 0)} bytes`);
  console.result(lines.join('\n'), { files: shown, skipped });
}

export interface RootFlags {
  readonly takeOver?: boolean | undefined;
}

/**
 * The machine, if its root is its own or nobody's: under a wrong key, or in a wrong root, nothing
 * else would be noticed. Says of a memory that should remember something that it does not.
 * @throws not_this_node unless told to take it over; and as `openNode`
 */
export function openOwnNode({ places, console, now }: Context, { takeOver }: RootFlags): Node {
  const node = openNode(places, console, now);
  const blank = tellBlank(node.memory);
  if (blank !== undefined) console.note(blank);
  const marker = withRoot(places.root, readMarker);
  const isOwn = marker === undefined || marker.node === node.identity.id;
  if (isOwn || takeOver === true) return node;
  const { node: other, seq } = marker;
  throw fail(
    'not_this_node',
    `${places.root} holds decision ${seq} about machine ${other}, and the key here is that of ${node.identity.id}: wrong key, or wrong root? --take-over goes on`,
  );
}

export interface ProposeFlags extends RootFlags {
  readonly after?: string | undefined;
  /** Files to propose besides those in force */
  readonly add?: readonly string[] | undefined;
  readonly tokenFile?: string | undefined;
}

export async function proposeNow(context: Context, flags: ProposeFlags): Promise<void> {
  const { places, server, console } = context;
  const node = openOwnNode(context, flags);
  const servers = createServers(node, server === undefined ? undefined : [server]);
  const source = createSource(node, servers);
  const look = await source.inForce();
  if (look.state === 'failed') throw look.error;
  const proposing = {
    node,
    servers,
    source,
    inForce: look.state === 'found' ? look.decision : undefined,
    after: flags.after === undefined ? undefined : parseDigest(flags.after),
    token: readToken(flags),
  };
  const { inForce } = proposing;
  const proposal = await propose(
    proposing,
    changedDraft(node, inForce, flags.add) ?? capturedDraft(node),
  );
  const { state } = proposal;
  if (state === 'waiting') {
    const said = `proposal ${proposal.digest} waits for a decision; this one was not sent`;
    throw fail('waiting', said, { details: { digest: proposal.digest } });
  }
  if (state === 'rejected') {
    const said = `proposal ${proposal.digest} was refused, and nothing changed since: ${tellDecision(proposal.rejection.frame)}`;
    throw fail('rejected', said, { details: { digest: proposal.digest } });
  }
  if (state === 'unchanged') {
    console.result('nothing to propose: these files are in force', { state });
    return;
  }
  if (state === 'empty') {
    throw fail(
      'file_missing',
      `${places.root} holds none of the files that a bundle may hold: is it the right --root?`,
    );
  }
  const { digest, fileCount } = proposal;
  if (state === 'proposed') console.note('it waits for an administrator');
  console.result(`${state} ${digest}: ${counted(fileCount)}`, { state, digest, fileCount });
}

/** What changed of the configuration in force; undefined where none is, or none was applied. */
function changedDraft(
  node: Node,
  inForce: Decision | undefined,
  added: readonly string[] = [],
): Draft | undefined {
  const bundle = inForce?.frame.bundle;
  return bundle && takeChanges(node.rootPath, openOwn(node, bundle), added);
}

/** The machine as it is, for a proposal; says what was left out. */
function capturedDraft(node: Node): Draft {
  const { skipped, ...draft } = takeSnapshot(node);
  tellSkipped(node.console, skipped);
  return draft;
}

export interface BootFlags extends RootFlags {
  readonly propose: boolean;
  readonly once?: boolean | undefined;
  readonly wait?: number | undefined;
  readonly tokenFile?: string | undefined;
}

export async function bootNow(context: Context, flags: BootFlags): Promise<void> {
  const { server, console } = context;
  const node = openOwnNode(context, flags);
  const servers = createServers(node, server === undefined ? undefined : [server]);
  const draft = (): Promise<Draft> => Promise.resolve(capturedDraft(node));
  const terminal = openTerminal();
  const pressed = terminal && ((over: AbortSignal) => terminal.pressed(over));
  const found = await find(node, servers, createSource(node, servers), {
    ...(flags.propose && { draft, redraft: draft, pressed }),
    patience: createPatience({ limitSeconds: flags.once === true ? 0 : flags.wait }),
    token: readToken(flags),
  });
  const finished = await finish(node, servers, found);
  tellInstalled(console, found, finished);
  throwFailures(finished);
}

export async function applyFile(
  context: Context,
  path: string,
  flags: RootFlags = {},
): Promise<void> {
  const { console } = context;
  const node = openOwnNode(context, flags);
  const bytes = readPath(path, maxFrameBytes(node.site.maxBundleBytes));
  const decision = decisionFromCopy(node, bytes);
  const { applied, manifest, statement } = install(node, decision);
  const { rootPath } = node;
  const settle = await activate({ rootPath, manifest, statement });
  const activation = await settle();
  const outcome = { applied, activation, ready: NOT_ASKED };
  tellInstalled(console, { decision }, outcome);
  throwFailures(outcome);
}

export function status({ places, console, now }: Context): void {
  const { identity, keySource, memory, site } = openNode(places, console, now);
  const applied = readApplied(places.root);
  const remembered = memory.load();
  const words = nodeWords(identity.id);
  const lines = [
    `machine  ${identity.id}`,
    `words    ${words}`,
    `key      ${keySource}`,
    `site     ${site.name} ${toHex(site.id)}`,
  ];
  if (applied === undefined) lines.push('applied  nothing');
  else {
    const { seq, statement, appliedAt } = applied.marker;
    const what = seq === 0 ? 'UNAPPROVED' : `decision ${seq}`;
    lines.push(`applied  ${what} ${statement}, ${formatTime(appliedAt)}`);
    lines.push(...applied.drift.map(({ path, drift }) => `${drift.padEnd(8)} ${path}`));
  }
  lines.push(
    remembered === undefined
      ? `memory   ${memory.kind}: nothing, an older decision would not be noticed`
      : `memory   ${memory.kind}: decision ${remembered.seq} ${toHex(remembered.digest)}, keyset ${remembered.keysetVersion}`,
  );
  console.result(lines.join('\n'), {
    node: identity.id,
    words,
    keySource,
    site: toHex(site.id),
    applied: applied && { ...applied.marker, files: Object.keys(applied.marker.files).length },
    drift: applied?.drift ?? [],
    memoryKind: memory.kind,
    memory: remembered && {
      keysetVersion: remembered.keysetVersion,
      seq: remembered.seq,
      statement: toHex(remembered.digest),
    },
  });
}

function readToken({ tokenFile }: { tokenFile?: string | undefined }): string | undefined {
  return tokenFile === undefined ? undefined : fromUtf8(readPath(tokenFile, 1024)).trim();
}

const counted = (files: number): string => (files === 1 ? '1 file' : `${files} files`);
