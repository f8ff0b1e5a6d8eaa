import {
  decodeFrame,
  equalBytes,
  fromUtf8,
  MAX_SEALED_BYTES,
  readBundle,
  toHex,
} from '../../bundle/index.ts';
import type { SealedBundle, VerifiedFrame } from '../../bundle/index.ts';
import { hasCode } from '../../protocol/errors.ts';
import { MAX_ENTRY_BYTES } from '../../protocol/history.ts';
import type { Site } from '../../protocol/site.ts';
import { verifyRecorded } from '../../protocol/verify.ts';
import type { Context } from '../context.ts';
import { readLocalFile } from '../../files/read.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { readSite } from '../site-file.ts';
import { statementView } from '../../admin/views/statement.ts';
import { statementLine } from '../../words/decisions.ts';
import type { Terminal } from '../terminal.ts';
import { warningText } from '../../words/warnings.ts';

/** What a file may be: a sealed bundle, a report, or a decision with or without its bundle. */
type Parsed =
  | { readonly kind: 'bundle' | 'report'; readonly sealed: SealedBundle }
  | { readonly kind: 'frame'; readonly bytes: Uint8Array; readonly sealed?: SealedBundle };

/** Offline; only the layout and the bundle's own signature. @throws any code of the format */
export function parseSealed(bytes: Uint8Array): Parsed {
  const magic = fromUtf8(bytes.subarray(0, 3).filter((byte) => byte < 0x80));
  if (magic === 'ccf') {
    const { bundle } = decodeFrame(bytes, { maxBytes: MAX_ENTRY_BYTES });
    return { kind: 'frame', bytes, ...(bundle ? { sealed: read(bundle, 'proposal') } : {}) };
  }
  try {
    return { kind: 'bundle', sealed: read(bytes, 'proposal') };
  } catch (error) {
    if (!hasCode(error, 'bad_kind')) throw error;
    return { kind: 'report', sealed: read(bytes, 'report') };
  }
}

const read = (bytes: Uint8Array, expect: 'proposal' | 'report'): SealedBundle =>
  readBundle(bytes, { maxBytes: MAX_SEALED_BYTES, expect });

function sealedDocument(sealed: SealedBundle): Record<string, unknown> {
  return {
    digest: toHex(sealed.digest),
    size: sealed.bytes.length,
    madeBy: sealed.kind,
    signer: toHex(sealed.signer),
    recipients: sealed.recipientCount,
    dictionary: sealed.dictionary,
  };
}

/** `coatcheck bundle inspect FILE`: what anybody can see of it, without a key. */
export async function inspect(context: Context, file: string): Promise<void> {
  const { terminal } = context;
  const parsed = parseSealed(await readLocalFile(file, { maxBytes: MAX_ENTRY_BYTES }));
  const row = (label: string, text: string): void =>
    terminal.print(`${terminal.style.dim(label.padEnd(10))} ${text}`);
  row('kind', parsed.kind);
  let decision: Record<string, unknown> | undefined;
  if (parsed.kind === 'frame') {
    const frame = decodeFrame(parsed.bytes, { maxBytes: MAX_ENTRY_BYTES });
    const { statement, digest } = frame.statement;
    decision = {
      ...{ type: statement.type, node: statement.node, seq: statement.seq },
      ...{ site: toHex(statement.site), keysetVersion: statement.keysetVersion },
      ...{ issued: statement.issued, reason: statement.reason },
      statementDigest: toHex(digest),
      signatures: frame.statement.signatures.length,
    };
    for (const [name, value] of Object.entries(decision)) row(name, escapeLine(String(value)));
  }
  if (parsed.sealed !== undefined) {
    for (const [name, value] of Object.entries(sealedDocument(parsed.sealed))) {
      row(name, String(value));
    }
  }
  if (decision !== undefined) terminal.hint('not verified: coatcheck bundle verify does that');
  terminal.document({
    kind: parsed.kind,
    ...(decision === undefined ? {} : { decision }),
    ...(parsed.sealed === undefined ? {} : { bundle: sealedDocument(parsed.sealed) }),
  });
}

/** `coatcheck bundle verify FILE`: against the site of the home folder; needs no key. */
export async function verify(context: Context, file: string): Promise<void> {
  const { terminal } = context;
  const bytes = await readLocalFile(file, { maxBytes: MAX_ENTRY_BYTES });
  const site = await readSite(context.home);
  const parsed = parseSealed(bytes);
  const frame = parsed.kind === 'frame' ? verifiedFrame(parsed.bytes, site, terminal) : undefined;
  if (frame !== undefined) {
    terminal.print(
      `${terminal.style.green('good')}: ${frame.statement.node} ${statementLine(statementView(frame, Math.floor(Date.now() / 1000)))}`,
    );
  }
  if (parsed.sealed !== undefined) {
    terminal.print(
      `${terminal.style.green('good')}: ${parsed.kind === 'report' ? 'report' : 'bundle'} ${toHex(parsed.sealed.digest)}, signed by ${signerOf(parsed.sealed, site)}`,
    );
  }
  terminal.document({
    ok: true,
    kind: parsed.kind,
    ...(frame === undefined
      ? {}
      : { decision: statementView(frame, Math.floor(Date.now() / 1000)) }),
    ...(parsed.sealed === undefined ? {} : { bundle: sealedDocument(parsed.sealed) }),
  });
}

/** Also one that was decided under a keyset that led to the pinned one: whoever pins that refuses it now. */
function verifiedFrame(bytes: Uint8Array, site: Site, terminal: Terminal): VerifiedFrame {
  const frame = verifyRecorded(decodeFrame(bytes, { maxBytes: MAX_ENTRY_BYTES }), site);
  const { version } = frame.keyset;
  const pinned = site.pinned.keyset.version;
  if (version < pinned) terminal.warn(warningText({ code: 'older_keyset', version, pinned }));
  return frame;
}

function signerOf({ kind, signer }: SealedBundle, { pinned, ancestors = [] }: Site): string {
  const keys = [pinned, ...ancestors].flatMap(({ keyset }) => keyset.keys);
  const key = keys.find(({ signKey }) => equalBytes(signKey, signer));
  if (kind !== 'admin') return `its node (key ${toHex(signer)})`;
  return key === undefined
    ? `an administrator who is in no keyset up to ${pinned.keyset.version} (key ${toHex(signer)})`
    : `administrator ${key.name}`;
}
