import * as v from 'valibot';
import {
  bundleDigest,
  CoatcheckError,
  decodeFrame,
  encodeSignedKeyset,
  MAX_KEYSET_BYTES,
  MAX_SEALED_BYTES,
  readBundle,
  toBase64,
  toHex,
} from '../bundle/index.ts';
import type { NodeId } from '../bundle/index.ts';
import { codeOf, fail } from '../protocol/errors.ts';
import { MAX_ENTRY_BYTES } from '../protocol/history.ts';
import type { HistoryObject } from '../protocol/history.ts';
import { isNodeId, keysetKey } from '../protocol/keys.ts';
import { keysetsOf } from '../protocol/site.ts';
import type { Site } from '../protocol/site.ts';
import type { CopiedHistory } from './log.ts';
import { slotOf } from './record.ts';
import type { Session } from './session.ts';

/**
 * What somebody needs who proves a record alone (prove.ts): the objects of `history/` and `keysets/`, as
 * they are stored, but without the bundles (docs/adr/0265). Bytes are base64, digests SHA-256 in 64 hex
 * digits, times unix seconds.
 */
export interface Evidence {
  readonly coatcheck: 'record/1';
  /** 32 hex digits */
  readonly site: string;
  /** for people */
  readonly name: string;
  readonly approval: Site['approval'];
  /** when the objects were read */
  readonly read: number;
  /** name and version of the program that read them */
  readonly program: string;
  /** whether it is about every node that had a record then */
  readonly all: boolean;
  readonly keysets: readonly KeysetEvidence[];
  readonly nodes: readonly NodeEvidence[];
}

/** A keyset, and where it was. */
export interface KeysetEvidence {
  /** `site.json`, `server`, or a key of the bucket */
  readonly from: string;
  readonly bytes: string;
}

/** What was in `history/` of one node. */
export interface NodeEvidence {
  readonly node: string;
  /** ascending */
  readonly slots: readonly SlotEvidence[];
}

/** A slot: a frame, whose signatures are for the reader to judge; or why what is there is none. */
export type SlotEvidence =
  | {
      readonly slot: number;
      /** without the bundle */
      readonly frame: string;
      /** what the frame carried; `fault` is why that is no bundle */
      readonly bundle?: {
        readonly size: number;
        readonly digest: string;
        readonly fault?: string | undefined;
      };
    }
  | { readonly slot: number; readonly fault: string };

const Code = v.pipe(v.string(), v.regex(/^[a-z_0-9]{1,40}$/));
const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Slot = v.pipe(Count, v.minValue(1), v.maxValue(9_999_999_999));
const Text = v.pipe(v.string(), v.maxLength(64));
const EvidenceText = v.strictObject({
  coatcheck: v.literal('record/1'),
  site: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  name: Text,
  approval: v.picklist(['required', 'none']),
  read: v.pipe(Count, v.maxValue(253_402_300_799)),
  program: Text,
  all: v.boolean(),
  keysets: v.array(v.strictObject({ from: Text, bytes: v.string() })),
  nodes: v.array(
    v.strictObject({
      node: v.pipe(v.string(), v.check(isNodeId)),
      slots: v.pipe(
        v.array(
          v.union([
            v.strictObject({
              slot: Slot,
              frame: v.string(),
              bundle: v.exactOptional(
                v.strictObject({
                  size: Count,
                  digest: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
                  fault: v.exactOptional(Code),
                }),
              ),
            }),
            v.strictObject({ slot: Slot, fault: Code }),
          ]),
        ),
        v.check((slots) => slots.every(({ slot }, i) => i === 0 || slots[i - 1]!.slot <= slot)),
      ),
    }),
  ),
});

/** The inverse of `JSON.stringify`. @throws file_malformed */
export function parseEvidence(text: string): Evidence {
  try {
    return v.parse(EvidenceText, JSON.parse(text));
  } catch (cause) {
    throw fail('file_malformed', 'this holds no record that coatcheck has written', { cause });
  }
}

/**
 * The record as the store has it now, and the keysets.
 * @param node absent: every node that has a record
 * @throws what reading throws
 */
export async function readEvidence(session: Session, node?: NodeId): Promise<Evidence> {
  const { site, chain, client, program } = session;
  const found: { readonly key: string; readonly node: NodeId; readonly slot: number }[] = [];
  for await (const { key, parsed } of session.list('history', node)) {
    if (parsed.prefix === 'history') found.push({ key, ...parsed });
  }
  found.sort((a, b) => (a.node < b.node ? -1 : a.node > b.node ? 1 : a.slot - b.slot));
  const slots = new Map<NodeId, SlotEvidence[]>(
    (node === undefined ? found : [{ node }]).map((one) => [one.node, []]),
  );
  const keys = found.map(({ key }) => key);
  const read = session.readEach(keys, MAX_ENTRY_BYTES, (object, i) =>
    slotEvidence(slotOf(object, found[i]!.slot)),
  );
  let i = 0;
  for await (const slot of read) slots.get(found[i++]!.node)!.push(slot);
  const stored: { from: string; bytes: Uint8Array }[] = [];
  const versions = chain.at(-1)!.keyset.version;
  const keysets = Array.from({ length: versions }, (_, index) => keysetKey(index + 1));
  for await (const { key, bytes, error } of session.readEach(
    keysets,
    MAX_KEYSET_BYTES,
    (object) => object,
  )) {
    if (error !== undefined) throw error;
    if (bytes !== undefined) stored.push({ from: key, bytes });
  }
  const shown = chain.map((link) => ({ from: 'server', bytes: encodeSignedKeyset(link) }));
  const about = { site, program, all: node === undefined, read: client.now() };
  return evidenceOf(about, [...stored, ...shown], slots);
}

/** A copy of the bucket, with its keysets. */
export interface CopiedBucket extends CopiedHistory {
  /** What is in `keysets/`, whatever it is. */
  keysets(): Promise<readonly { readonly from: string; readonly bytes: Uint8Array }[]>;
}

/**
 * {@link readEvidence} of a copy of the bucket: it needs no server and no key.
 * @param about when it is read, by which program, and whether `wanted` is true of every node
 */
export async function copiedEvidence(
  copy: CopiedBucket,
  about: { readonly site: Site; readonly program: string; readonly all: boolean; read: number },
  wanted: (node: NodeId) => boolean,
): Promise<Evidence> {
  const slots = new Map<NodeId, SlotEvidence[]>();
  for (const node of copy.nodes) {
    if (!isNodeId(node) || !wanted(node)) continue;
    slots.set(node, (await copy.objectsOf(node)).map(slotEvidence));
  }
  return evidenceOf(about, await copy.keysets(), slots);
}

function evidenceOf(
  about: { readonly site: Site; readonly program: string; readonly all: boolean; read: number },
  keysets: readonly { readonly from: string; readonly bytes: Uint8Array }[],
  slots: ReadonlyMap<NodeId, readonly SlotEvidence[]>,
): Evidence {
  const { site, ...rest } = about;
  const own = keysetsOf(site).map((link) => ({
    from: 'site.json',
    bytes: encodeSignedKeyset(link),
  }));
  const seen = new Set<string>();
  return {
    coatcheck: 'record/1',
    ...{ site: toHex(site.id), name: site.name, approval: site.approval, ...rest },
    // What is at several places is there once; what differs is there as often as it does.
    keysets: [...keysets, ...own].flatMap(({ from, bytes }) => {
      const text = toBase64(bytes);
      if (seen.has(text)) return [];
      seen.add(text);
      return [{ from, bytes: text }];
    }),
    nodes: [...slots].map(([node, of]) => ({ node, slots: of })),
  };
}

function slotEvidence({ slot, bytes }: HistoryObject): SlotEvidence {
  if (bytes === undefined) return { slot, fault: 'too_large' };
  try {
    const { bundle } = decodeFrame(bytes, { maxBytes: MAX_ENTRY_BYTES });
    if (bundle === undefined) return { slot, frame: toBase64(bytes) };
    const fault = faultOf(() => readBundle(bundle, LIMITS));
    return {
      slot,
      frame: toBase64(bytes.subarray(0, bytes.length - bundle.length)),
      bundle: {
        ...{ size: bundle.length, digest: toHex(bundleDigest(bundle)) },
        ...(fault !== undefined && { fault }),
      },
    };
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    return { slot, fault: codeOf(error) };
  }
}

const LIMITS = { maxBytes: MAX_SEALED_BYTES, expect: 'proposal' } as const;

function faultOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    return codeOf(error);
  }
}
