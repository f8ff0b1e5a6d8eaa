/**
 * Facts about an error that are safe to log and to show: never a secret, never file contents.
 */
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>;

/**
 * The one error class of coatcheck. `code` comes from a closed union per layer ({@link BundleErrorCode}
 * here, `ErrorCode` in `protocol/errors.ts`, which also maps every code to an HTTP status, an exit
 * code and what a node does about it). `message` is one sentence: what, where, what to do.
 */
export class CoatcheckError<Code extends string = string> extends Error {
  override readonly name = 'CoatcheckError';
  readonly code: Code;
  readonly details: ErrorDetails;

  constructor(
    code: Code,
    message: string,
    options: { cause?: unknown; details?: ErrorDetails } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Every reason for which the format refuses bytes (docs/format.md, "Errors"). */
export const BUNDLE_ERROR_CODES = [
  // Any object
  'truncated', // fewer bytes than the layout needs
  'trailing_bytes', // bytes after the end of the layout
  'bad_magic', // not this kind of object
  'unsupported_version',
  'unsupported_suite',
  'non_canonical', // well-formed, but not the one encoding of this value
  'too_large', // a limit on the size of the whole object
  'bad_encoding', // text that is not lower-case hex, canonical base64 or UTF-8
  // Keys and signatures
  'bad_public_key', // small order, or not canonical
  'bad_signature',
  'bad_node_id', // the two public keys do not hash to the id
  // Sealed bundle
  'bad_kind', // a report where a proposal is expected, or the other way round
  'unknown_dictionary',
  'bad_recipient_count',
  'not_a_recipient', // no slot opens with this key
  'bad_commitment', // the key in the slot is not the key that the header commits to
  'decrypt_failed',
  'bad_padding',
  // Compressed manifest
  'manifest_too_large',
  'inflate_failed',
  'length_mismatch', // inflated length differs from the declared one
  // Manifest
  'bad_path',
  'bad_mode',
  'bad_owner',
  'unsorted', // entries out of order
  'duplicate', // the same path, key or metadata name twice
  'too_many_files',
  'bad_metadata', // unknown name, or a value out of its range
  // Statement
  'bad_type',
  'bad_reason', // over 200 bytes, or not UTF-8
  'bad_time',
  'bad_sequence',
  'bad_field', // a field that must be zero, or must not, for this type
  'too_many_signatures',
  'bad_key_index',
  'key_not_allowed', // a `first` key under anything but a node's first approval, or under a keyset
  'threshold_not_met', // fewer distinct valid signers than the keyset demands
  'self_signed_refused', // a node's own statement where the policy does not say approval none
  // Keyset and chain
  'bad_threshold',
  'bad_key_count',
  'bad_name',
  'bad_site',
  'bad_chain', // a version that does not follow from the one before
  'not_pinned', // the chain does not pass through the pinned keyset
  // Frame
  'chain_too_large',
  'keyset_mismatch', // the statement's keyset version is not the last of the chain
  'digest_mismatch', // the bundle is not the one that the statement names
] as const;
/** One of these. */
export type BundleErrorCode = (typeof BUNDLE_ERROR_CODES)[number];

/** An error of the format layer. */
export function bundleError(
  code: BundleErrorCode,
  message: string,
  options: { cause?: unknown; details?: ErrorDetails } = {},
): CoatcheckError<BundleErrorCode> {
  return new CoatcheckError(code, message, options);
}

/**
 * A path as it is written wherever it is printed: as it is if it is letters, digits and `. _ / @ + -`,
 * else quoted, with each other character that is not plain in ASCII, or that a shell reads in quotes,
 * as its code unit: `"a b"`, `"caf\u00e9"`. A byte that is no UTF-8 (as `decodeBytes` has it) is
 * `\xNN`. Pasted into a shell it is one word; {@link pathIn} takes that back.
 */
export function showPath(path: string): string {
  if (/^[\w./@+-]+$/.test(path)) return path;
  const shown = path.replace(/[^ -~]|[!"$,<`\\]/gu, (found, at: number) => {
    const unit = found.charCodeAt(0);
    if (found === '\\' && path[at + 1] !== 'u') return '\\\\';
    if (found.length === 1 && unit >= 0xdc80 && unit <= 0xdcff) {
      return `\\x${(unit - 0xdc00).toString(16)}`;
    }
    return found.replace(/[^]/g, escapeUnit);
  });
  return `"${shown}"`;
}

/** The path that was written as {@link showPath} does, or as it is. */
export function pathIn(text: string): string {
  return text.replace(/\\u([0-9a-f]{4})/g, (_, unit: string) =>
    String.fromCharCode(Number.parseInt(unit, 16)),
  );
}

const escapeUnit = (unit: string): string =>
  `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Foreign text for a message: at most 64 characters, quoted, anything but printable ASCII escaped. */
export function quote(text: string): string {
  return JSON.stringify(text.slice(0, 64)).replaceAll(/[^ -~]/g, escapeUnit);
}
