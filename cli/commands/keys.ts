import {
  administratorWith,
  keysetWords,
  keyWords,
  lackingOn,
  planAdd,
  planBegun,
  planRemove,
  planThreshold,
  putBackKeysets,
  signKeysetPlan,
} from '../../admin/administrators.ts';
import type { KeysetPlan } from '../../admin/administrators.ts';
import {
  formatBegun,
  MAX_BEGUN_BYTES,
  MAX_KEY_REQUEST_BYTES,
  parseBegun,
  parseKeyRequest,
  siteNow,
} from '../../admin/key-request.ts';
import { signaturesText } from '../../admin/cosigned.ts';
import { isBegunCapability } from '../../admin/monitor.ts';
import { lackingReseal, resealNodes, waitingForOthers } from '../../admin/reseal.ts';
import type { Resealed } from '../../admin/reseal.ts';
import type { Session } from '../../admin/session.ts';
import { CoatcheckError, equalBytes, toHex, utf8 } from '../../bundle/index.ts';
import type { AdminKey, NodeId, SignedKeyset } from '../../bundle/index.ts';
import { readLocalFile } from '../../files/read.ts';
import { textIn } from '../../files/text.ts';
import { createFile, exists, replaceFile } from '../../files/write.ts';
import { count } from '../../protocol/count.ts';
import { fail } from '../../protocol/errors.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { formatSite } from '../../protocol/site.ts';
import { confirm } from '../confirm.ts';
import type { ConsentFlags } from '../confirm.ts';
import type { Context } from '../context.ts';
import { nextInterrupt } from '../interrupt.ts';
import { replaceUnchanged } from '../replace-unchanged.ts';
import { signMonitor } from './monitor.ts';
import { openSession, sessionsOf } from '../session.ts';
import { changeSite, readSite } from '../site-file.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import { when } from '../../words/time.ts';
import { keysetWarningText } from '../../words/warnings.ts';

/** `coatcheck keys list`: who is an administrator, since when, and what is not sealed to them yet. */
export async function keysList(context: Context): Promise<void> {
  const { terminal } = context;
  const session = await openSession(context);
  const made = new Map<number, number>();
  for await (const { parsed, modified } of session.list('keysets')) {
    if (parsed.prefix === 'keysets') made.set(parsed.version, modified);
  }
  const { keyset, chain } = session;
  const keys = keyset.keys.map((key, index) => {
    const since = chain.find((link) =>
      link.keyset.keys.some((other) => equalBytes(other.signKey, key.signKey)),
    )!.keyset.version;
    const at = made.get(since);
    return {
      ...{ name: key.name, may: key.may, words: keyWords(key), you: index === session.keyIndex },
      ...{ sinceKeyset: since, ...(at !== undefined && { since: at }) },
    };
  });
  const lacking = await terminal.waiting('reading what is in force', () => lackingReseal(session));
  const waiting = await waitingForOthers(session);
  const digest = chain.at(-1)!.digest;
  terminal.print(
    `keyset ${keyset.version}: ${keyset.threshold} of ${keyset.keys.length} must sign`,
  );
  terminal.print(`its words: ${keysetWords({ digest })}`);
  const { dim } = terminal.style;
  const rows = keys.map(({ name, may, sinceKeyset, since, words, you }) => [
    `${escapeLine(name)}${you ? ' (you)' : ''}`,
    may,
    `keyset ${sinceKeyset}${since === undefined ? '' : `, ${when(since)}`}`,
    words,
  ]);
  for (const line of table([['NAME', 'MAY', 'SINCE', 'WORDS'].map(dim), ...rows])) {
    terminal.print(line);
  }
  tellLacking(terminal, lacking);
  tellWaiting(terminal, waiting);
  terminal.document({
    ...{ version: keyset.version, threshold: keyset.threshold, digest: toHex(digest) },
    ...{ words: keysetWords({ digest }), keys, lacking },
    waiting: waiting.map(({ node, digest: proposal }) => ({ node, digest: proposal })),
  });
}

function tellLacking(terminal: Terminal, lacking: readonly NodeId[]): void {
  if (lacking.length === 0) return;
  terminal.warn(
    `what is in force for ${count(lacking.length, 'node')} is under an older keyset, sealed to who was an administrator then: coatcheck keys reseal signs it again`,
  );
}

function tellWaiting(
  terminal: Terminal,
  waiting: readonly { readonly node: NodeId; readonly digest: string }[],
): void {
  for (const { node, digest } of waiting) {
    terminal.warn(
      `proposal ${digest.slice(0, 16)} of ${node} is sealed to other administrators: reject it, and the node proposes anew; or who can open it approves with --rebase`,
    );
  }
}

/** Where a keyset goes that lacks signatures. */
interface Beginning extends ConsentFlags {
  readonly keyset?: string;
  /** What that file has, where another administrator began it */
  readonly begun?: string;
}

interface Options extends Beginning {
  /** Where the newcomer's site.json goes */
  readonly answer?: string;
}

/** What whoever adds a key is told that it may. */
const WHAT_IT_MAY = {
  all: [
    'They will open and decide everything from now on, and what is in force; not older entries of the history.',
  ],
  first: [
    'It will approve what is first for a node, and decide nothing else.',
    'What waits and what is in force is sealed to it too, and a machine without a memory takes what it approves for first: keep where it lies as safe as your own key.',
  ],
} as const satisfies Record<AdminKey['may'], readonly string[]>;

/** `coatcheck keys add REQUEST`: one administrator more, or a key that decides what is first alone. */
export async function keysAdd(
  context: Context,
  requestPath: string,
  { may = 'all', ...options }: Options & { readonly may?: AdminKey['may'] },
): Promise<void> {
  const { terminal } = context;
  const bytes = await readLocalFile(requestPath, { maxBytes: MAX_KEY_REQUEST_BYTES });
  const admin = parseKeyRequest(textIn(bytes, requestPath), may);
  const answer = options.answer ?? `${requestPath.replace(/\.json$/, '')}.site.json`;
  const open = await sessionsOf(context);
  const session = await open();
  const known = administratorWith(session, admin);
  if (known !== undefined && known.may !== may) {
    throw fail(
      'usage',
      `${known.name} is in the keyset already, and may ${known.may}: what a key may is said once, so another one has to be made for ${may}`,
    );
  }
  if (known !== undefined) {
    terminal.hint(`${escapeLine(admin.name)} is an administrator already; what is left is done`);
  } else {
    const plan = planAdd(session, admin);
    terminal.print(
      `${terminal.style.bold('add')} ${escapeLine(admin.name)}, whose key has the words`,
    );
    terminal.print(`  ${keyWords(admin)}`);
    terminal.print(
      'They see the same words where they made the key. Ask them, not whoever brought the file.',
    );
    for (const line of WHAT_IT_MAY[may]) terminal.print(line);
    const isMeant =
      may === 'all' ? `and shall ${admin.name} be an administrator` : 'for what is first alone';
    await change(session, terminal, plan, `Is this ${admin.name}’s key, ${isMeant}?`, options);
  }
  const now = await open();
  await writeAnswer(context, now, admin.name, answer);
  await sealAnew(context, now, options);
}

async function writeAnswer(
  { terminal, home }: Context,
  session: Session,
  name: string,
  path: string,
): Promise<void> {
  const site = siteNow({ ...session, site: await readSite(home) });
  await replaceFile(path, utf8(formatSite(site)), 0o644);
  terminal.print(`wrote ${path}: give it to ${escapeLine(name)}, for coatcheck init --answer`);
  terminal.print(`  the words of its keyset: ${keysetWords(session.chain.at(-1)!)}`);
}

/** `coatcheck keys threshold N`: how many administrators have to sign. */
export async function keysThreshold(
  context: Context,
  text: string,
  options: Beginning,
): Promise<void> {
  const { terminal } = context;
  const wanted = /^[0-9]{1,2}$/.test(text) ? Number(text) : NaN;
  const open = await sessionsOf(context);
  const session = await open();
  const plan = planThreshold(session, wanted);
  const { threshold, keys } = session.keyset;
  terminal.print(
    `${terminal.style.bold('threshold')} ${threshold} of ${keys.length} now, ${wanted} then`,
  );
  if (wanted > threshold) {
    terminal.print(
      '  Each decision wants so many signatures from now on: who is first leaves one, and the others add theirs with coatcheck cosign.',
    );
  } else {
    terminal.print(
      '  What is in force stays; a decision that lacks signatures now is void, and is begun anew.',
    );
  }
  await change(session, terminal, plan, `Have ${wanted} of ${keys.length} sign?`, options);
  await sealAnew(context, await open(), options);
}

/** `coatcheck keys sign FILE`: sign a change of the administrators, or a monitor's right, that another one began. */
export async function keysSign(context: Context, path: string, options: Options): Promise<void> {
  const { terminal } = context;
  const text = textIn(await readLocalFile(path, { maxBytes: MAX_BEGUN_BYTES }), path);
  if (isBegunCapability(text)) {
    await signMonitor(context, { path, text }, options);
    return;
  }
  const begun = parseBegun(text);
  const open = await sessionsOf(context);
  const session = await open();
  const plan = planBegun(session, begun);
  const { bold } = terminal.style;
  const { keys, threshold } = session.keyset;
  for (const admin of plan.added) {
    terminal.print(
      `${bold('add')} ${escapeLine(admin.name)}${admin.may === 'first' ? ' (first approvals alone)' : ''}, whose key has the words`,
    );
    terminal.print(`  ${keyWords(admin)}`);
    terminal.print(
      'They see the same words where they made the key. Ask them, not whoever brought the file.',
    );
    for (const line of WHAT_IT_MAY[admin.may]) terminal.print(line);
  }
  for (const admin of plan.removed) {
    terminal.print(`${bold('remove')} ${escapeLine(admin.name)}: ${keyWords(admin)}`);
  }
  if (plan.keyset.threshold !== threshold) {
    terminal.print(
      `${bold('threshold')} ${threshold} of ${keys.length} now, ${plan.keyset.threshold} of ${plan.keyset.keys.length} then`,
    );
  }
  terminal.print(`the words of the keyset: ${keysetWords({ digest: begun.digest })}`);
  terminal.print(`signed by ${signersOf(session, begun).map(escapeLine).join(', ')}`);
  await change(session, terminal, plan, 'Sign this?', { ...options, keyset: path, begun: text });
  if (plan.warnings.some(({ code }) => code === 'removes_self')) {
    tellOthers(terminal, plan);
    return;
  }
  const now = await open();
  for (const { name } of plan.added) {
    const folder = path.replace(/[^/]*$/, '');
    const answer = options.answer ?? `${folder}${name.replace(/[^A-Za-z0-9._-]/g, '_')}.site.json`;
    await writeAnswer(context, now, name, answer);
  }
  await sealAnew(context, now, options);
}

const signersOf = ({ keyset }: Session, { signatures }: SignedKeyset): string[] =>
  signatures.map(({ keyIndex }) => keyset.keys[keyIndex]!.name);

function tellOthers(terminal: Terminal, plan: KeysetPlan): void {
  terminal.document({ keyset: plan.keyset.version, resealed: [] });
  terminal.hint(
    'your key is good for nothing any more: another administrator runs coatcheck keys reseal',
  );
}

/** `coatcheck keys remove NAME`: one administrator less. */
export async function keysRemove(
  context: Context,
  name: string,
  options: Beginning,
): Promise<void> {
  const { terminal } = context;
  const open = await sessionsOf(context);
  const session = await open();
  const plan = planRemove(session, name);
  terminal.print(
    `${terminal.style.bold('remove')} ${escapeLine(name)}: ${plan.removed.map(keyWords).join()}`,
  );
  for (const line of [
    'What they could read they may have kept: all that was in force or waited until now, and all older entries of the history, which are not sealed anew. Change what has to stay secret: passwords, host keys, tokens.',
    'What they approved stays in force, until it is decided anew.',
    'A machine without a memory whose image pins an older keyset still obeys them, if they can write to the network, the bucket or the server: build new images once this is through.',
  ]) {
    terminal.print(`  ${line}`);
  }
  await change(session, terminal, plan, `Remove ${name}?`, options);
  if (plan.warnings.some(({ code }) => code === 'removes_self')) {
    tellOthers(terminal, plan);
    return;
  }
  await sealAnew(context, await open(), options);
}

const ending = { isWatched: false, isEnding: false };

/** From now on Ctrl-C ends nothing in the middle: it is asked for where an end does no harm. */
function endsAtLeisure(terminal: Terminal): Readonly<typeof ending> {
  if (!ending.isWatched) {
    ending.isWatched = true;
    void nextInterrupt().then(() => {
      ending.isEnding = true;
      terminal.hint('ending: what was begun is finished first');
    });
  }
  return ending;
}

/**
 * Asks, signs, and makes it the newest; where others have to sign it too it goes into a file for them.
 * @throws undersigned then
 */
async function change(
  session: Session,
  terminal: Terminal,
  plan: KeysetPlan,
  question: string,
  flags: Beginning,
): Promise<void> {
  const path = flags.keyset ?? `keyset-${plan.keyset.version}.json`;
  const isBegun = lackingOn(session, { ...plan, digest: new Uint8Array(), signatures: [] }) > 1;
  if (isBegun && plan.begun === undefined && (await exists(path))) {
    throw fail('file_exists', `${path} exists already: sign that one (keys sign), or name another`);
  }
  for (const warning of plan.warnings) terminal.warn(keysetWarningText(warning));
  const objections = session.doubts.map((doubt) => ({ code: 'record_doubtful', doubt }) as const);
  await confirm(objections, terminal, escapeLine(question), flags);
  await session.key.sign.announce?.({ keyset: plan.keyset });
  endsAtLeisure(terminal);
  const signed = await signKeysetPlan(session, plan);
  const lacking = lackingOn(session, signed);
  if (lacking > 0) {
    const content = utf8(formatBegun(signed));
    if (flags.begun === undefined) await createFile(path, content, 0o644);
    else await replaceUnchanged(path, utf8(flags.begun), content, 0o644);
    const signedBy = signersOf(session, signed);
    const open = session.keyset.keys.filter(
      ({ name, may }) => may === 'all' && !signedBy.includes(name),
    );
    const has = signaturesText({ signedBy, open: open.map(({ name }) => name), lacking });
    throw fail(
      'undersigned',
      `wrote ${path}: keyset ${plan.keyset.version} has ${has}: send the file to them, for coatcheck keys sign`,
    );
  }
  terminal.print(`${terminal.style.green('made')} keyset ${plan.keyset.version}`);
}

/** `coatcheck keys reseal`: sign again, under the newest keyset, what is in force under an older one. */
export async function keysReseal(context: Context, flags: ConsentFlags): Promise<void> {
  const { terminal } = context;
  const open = await sessionsOf(context);
  let session = await open();
  if (session.lost.length > 0) {
    for (const { keyset } of await putBackKeysets(session)) {
      terminal.print(`put back keyset ${keyset.version}, which the store had lost`);
    }
    session = await open();
  }
  await sealAnew(context, session, flags);
}

/**
 * Passes until one finds nothing: what somebody decides meanwhile under the older keyset is found by the
 * next. Then the site's file of this folder pins the newest keyset.
 */
async function sealAnew(
  context: Context,
  session: Session,
  { despiteMemory = false }: ConsentFlags,
): Promise<void> {
  const { terminal, home } = context;
  const done: Resealed[] = [];
  const doing = endsAtLeisure(terminal);
  const total = { nodes: 0 };
  for (;;) {
    const lacking = await terminal.waiting('looking for what is under an older keyset', () =>
      lackingReseal(session),
    );
    if (lacking.length === 0) break;
    total.nodes = done.length + lacking.length;
    const pass: Resealed[] = [];
    const nodes = resealNodes(session, lacking, {
      isEnding: () => doing.isEnding,
      despiteDoubts: despiteMemory,
    });
    for await (const one of nodes) {
      pass.push(one);
      if (one.outcome !== undefined) {
        done.push(one);
        terminal.print(`${done.length}/${total.nodes} ${line(one)}`);
      }
    }
    if (doing.isEnding) {
      tell(pass);
      throw fail(
        'interrupted',
        `${done.length} of ${total.nodes} nodes are signed again: coatcheck keys reseal goes on`,
      );
    }
    const failed = pass.filter(({ outcome }) => outcome === undefined);
    if (failed.length > 0 && failed.length === pass.length) {
      tell(pass);
      if (failed.every(isUndersigned)) {
        throw fail(
          'undersigned',
          `${count(failed.length, 'node')} lack signatures, and yours is there: another administrator runs coatcheck keys reseal, which compares each with what is in force and signs it`,
        );
      }
      throw stuck(failed);
    }
  }
  tell([]);
  tellWaiting(terminal, await waitingForOthers(session));
  const nothing = `nothing is in force under an older keyset than ${session.keyset.version}`;
  terminal.print(done.length > 0 ? nothing : `${nothing}: nothing had to be signed again`);
  await pinNewest();

  function tell(pass: readonly Resealed[]): void {
    const failed = pass.filter((one) => one.outcome === undefined && one.problem !== undefined);
    terminal.document({ keyset: session.keyset.version, resealed: done, failed });
  }

  async function pinNewest(): Promise<void> {
    const { site, keyset } = session;
    if (site.pinned.keyset.version === keyset.version) return;
    if (site.approval === 'none') {
      terminal.hint(
        'what nodes approved for themselves stays under the keyset of then, so their images keep their site.json',
      );
      return;
    }
    await changeSite(home, (now) =>
      now.pinned.keyset.version < keyset.version ? siteNow({ ...session, site: now }) : now,
    );
    terminal.print(
      `${home.siteFile} pins keyset ${keyset.version} now: build new images with it, and give it to the servers and the other administrators`,
    );
  }
}

const isUndersigned = (one: Resealed): boolean =>
  'problem' in one && one.problem?.code === 'undersigned';

function line({ node, outcome }: Resealed): string {
  return `${outcome!.type} ${node} (seq ${outcome!.seq})`;
}

/** Nothing of a pass could be done: another would end alike. */
function stuck(failed: readonly Resealed[]): CoatcheckError {
  const why = failed.map(({ node, ...one }) =>
    'problem' in one && one.problem !== undefined
      ? `${node}: ${one.problem.message} [${one.problem.code}]`
      : `${node}: somebody else is at it`,
  );
  const shown = why.slice(0, 20);
  const more = why.length > shown.length ? `; and ${why.length - shown.length} more` : '';
  return fail(
    'step_failed',
    `${count(failed.length, 'node')} could not be signed again: ${shown.join('; ')}${more}. Whoever can open what is in force there runs coatcheck keys reseal`,
  );
}
