import { equalBytes, MAX_SEALED_BYTES, readBundle, toHex, ZERO_DIGEST } from '../bundle/index.ts';
import type { NodeId, Statement } from '../bundle/index.ts';
import { codeOf } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { MAX_ENTRY_BYTES, verifyEntry } from '../protocol/history.ts';
import type { HistoryEntry } from '../protocol/history.ts';
import { approvedKey } from '../protocol/keys.ts';
import { sameBundles } from './changes.ts';
import { lookAtCosigned, planCosign } from './cosign.ts';
import type { Outcome } from './decide.ts';
import { lookAt, placeOf, waiting } from './find.ts';
import type { Standing, Waiting } from './find.ts';
import { isUnreadable, openEntry, openPlace } from './open.ts';
import { planAbout } from './plan.ts';
import type { Plan, PlannedStatement } from './plan.ts';
import { pooled } from './pool.ts';
import type { ReadObject } from './objects.ts';
import type { Session } from './session.ts';
import { sign } from './sign.ts';
import { takeBackOwn } from './take-back.ts';

/** How many nodes are worked on at a time. */
const NODES_AT_ONCE = 4;

/** What a pass did about one node. */
export type Resealed =
  /** Signed again under the newest keyset. */
  | { readonly node: NodeId; readonly outcome: Outcome }
  /** Nothing was to do: somebody else was quicker, or nothing is in force that an administrator signed. */
  | { readonly node: NodeId; readonly outcome?: undefined; readonly problem?: undefined }
  /** It stays under the older keyset, and why. */
  | {
      readonly node: NodeId;
      readonly outcome?: undefined;
      readonly problem: { readonly code: ErrorCode; readonly message: string };
    };

/**
 * The nodes for which something is in force under an older keyset than the newest: whoever came cannot
 * open it, whoever went could. By what nodes are shown, and the record where they are shown nothing or
 * what does not verify. What a node signed itself stays as it is: its keyset says only who can open it.
 *
 * One request for 1,000 nodes and 1,000 decisions to list, one for 100 to read, a GET for each.
 * @throws what reading throws
 */
export async function lackingReseal(session: Session): Promise<NodeId[]> {
  const slots = new Set<NodeId>();
  const shown = new Set<NodeId>();
  const list = async (prefix: 'history' | 'approved', into: Set<NodeId>): Promise<void> => {
    for await (const { parsed } of session.list(prefix)) {
      if ('node' in parsed) into.add(parsed.node);
    }
  };
  await Promise.all([list('history', slots), list('approved', shown)]);
  const nodes = [...shown].sort();
  const lacking = new Set([...slots].filter((node) => !shown.has(node)));
  const current = session.readEach(nodes.map(approvedKey), MAX_ENTRY_BYTES, (object, i) =>
    isCurrent(session, nodes[i]!, object),
  );
  let index = 0;
  for await (const settled of current) {
    const node = nodes[index++]!;
    if (!settled) lacking.add(node);
  }
  const found: NodeId[] = [];
  // What was never shown may be nothing that is in force: a rejection is not.
  for (const node of [...lacking].sort()) {
    if (shown.has(node) || needsReseal(session, (await session.history(node)).inForce)) {
      found.push(node);
    }
  }
  return found;
}

function isCurrent(session: Session, node: NodeId, { bytes, error }: ReadObject): boolean {
  if (error !== undefined) throw error;
  if (bytes === undefined) return false;
  try {
    const { self, statement } = verifyEntry(bytes, session.site, node);
    return self || statement.keysetVersion >= session.keyset.version;
  } catch {
    return false;
  }
}

const needsReseal = ({ keyset }: Session, inForce: HistoryEntry | undefined): boolean =>
  inForce !== undefined &&
  !inForce.frame.self &&
  inForce.frame.statement.keysetVersion < keyset.version;

/**
 * Signs again, under the newest keyset, what is in force for a node: the same type, reason and end, and
 * the same files, sealed to the administrators of now. Undefined where that is not to do.
 * @throws not_a_recipient where this key cannot open what is in force, and as `openEntry`
 */
export async function planReseal(session: Session, standing: Standing): Promise<Plan | undefined> {
  const { inForce } = standing.history;
  if (inForce === undefined || !needsReseal(session, inForce)) return undefined;
  const { type, reason, expires } = inForce.frame.statement;
  const bringsNone = type === 'revoke' || equalBytes(inForce.frame.statement.digest, ZERO_DIGEST);
  const bundle: Pick<PlannedStatement, 'digest' | 'upload' | 'from' | 'isSame'> = bringsNone
    ? { digest: ZERO_DIGEST }
    : {
        upload: {
          ...(await openEntry(session, standing.node, inForce)).manifest,
          base: inForce.frame.statementDigest,
        },
        ...{ from: { pending: true }, isSame: true },
      };
  const common = planAbout(session, standing);
  const end = expires === undefined ? {} : { expires, keepsEnd: true as const };
  const statement = { type, reason, ...bundle, ...end };
  return { ...common, action: 'reseal', statements: [statement] };
}

/**
 * One pass over nodes: each is read, planned and signed, some at a time. What fails for one holds up no
 * other. A pass that was cut short anywhere is done again by another: what is signed is not lacking any
 * more, and what was uploaded for nothing is taken back.
 * @param options.isEnding asked before each node: true begins no other
 * @param options.despiteDoubts signs also where the store contradicts what this program remembers
 * @throws what is no error of one node: a bug
 */
export async function* resealNodes(
  session: Session,
  nodes: readonly NodeId[],
  options: { readonly isEnding?: () => boolean; readonly despiteDoubts?: boolean } = {},
): AsyncGenerator<Resealed> {
  const limits = { atOnce: NODES_AT_ONCE, ahead: NODES_AT_ONCE };
  const all = pooled(nodes, limits, async (node): Promise<Resealed | undefined> => {
    if (options.isEnding?.() === true) return undefined;
    try {
      return await reseal(session, node, options.despiteDoubts === true);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'internal') throw error;
      return { node, problem: { code, message: error instanceof Error ? error.message : code } };
    }
  });
  for await (const resealed of all) if (resealed !== undefined) yield resealed;
}

async function reseal(session: Session, node: NodeId, despiteDoubts: boolean): Promise<Resealed> {
  const { standing } = await takeBackOwn(session, await lookAt(session, node));
  const plan = (await begunReseal(session, standing)) ?? (await planReseal(session, standing));
  if (plan === undefined) return { node };
  // It is in force already: its paths are not judged again, and nobody has to look at what they hold.
  const { objections } = plan;
  const agreed = objections.filter(({ code }) => code === 'record_doubtful' && !despiteDoubts);
  const asked = { ...plan, objections: agreed };
  const [outcome] = await sign(session, asked);
  return { node, outcome: outcome! };
}

/**
 * What another administrator has signed for a node to the same end, where one signature is not enough: by
 * this one's own comparison with what is in force, whatever that one says.
 */
async function begunReseal(session: Session, standing: Standing): Promise<Plan | undefined> {
  const { inForce } = standing.history;
  if (inForce === undefined || !needsReseal(session, inForce)) return undefined;
  for (const begun of await lookAtCosigned(session, standing)) {
    if (begun.isVoid || !(await isReseal(session, standing, inForce, begun.signed.statement)))
      continue;
    const plan = await planCosign(session, standing, begun, { showSecrets: false, stat: true });
    return { ...plan, action: 'reseal' };
  }
  return undefined;
}

/** Whether a statement puts in force again what is, for the administrators of now, and nothing else. */
async function isReseal(
  session: Session,
  { node, pending }: Standing,
  inForce: HistoryEntry,
  statement: Statement,
): Promise<boolean> {
  const now = inForce.frame.statement;
  const { type, reason, expires, digest } = statement;
  if (type !== now.type || reason !== now.reason || expires !== now.expires) return false;
  if (equalBytes(now.digest, ZERO_DIGEST)) return equalBytes(digest, ZERO_DIGEST);
  const place = pending.find((one) => one.digest === toHex(digest));
  if (place === undefined) return false;
  try {
    const sealed = await openPlace(session, node, placeOf(place));
    const { manifest } = await openEntry(session, node, inForce);
    return (
      sealed.sealed.recipientCount === 1 + session.keyset.keys.length &&
      sameBundles(sealed.manifest, manifest)
    );
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return false;
  }
}

/** A proposal that waits and is not sealed to the administrators of now, so nobody can approve it as it is. */
export async function waitingForOthers(session: Session): Promise<Waiting[]> {
  const all = await waiting(session);
  const expected = 1 + session.keyset.keys.length;
  const isForOthers = async ({ bytes, error }: ReadObject): Promise<boolean> => {
    if (error !== undefined || bytes === undefined) return false;
    try {
      const sealed = readBundle(bytes, { maxBytes: bytes.length, expect: 'proposal' });
      if (sealed.recipientCount !== expected) return true;
      await session.key.open.bundle(sealed);
      return false;
    } catch (problem) {
      return codeOf(problem) === 'not_a_recipient';
    }
  };
  const found: Waiting[] = [];
  let index = 0;
  const keys = all.map(({ key }) => key);
  for await (const is of session.readEach(keys, MAX_SEALED_BYTES, isForOthers)) {
    const one = all[index++]!;
    if (is) found.push(one);
  }
  return found;
}
