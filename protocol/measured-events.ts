import { sha256 } from '#platform';
import { fromUtf8, Reader, toHex, utf8, Writer } from '../bundle/bytes.ts';
import { bundleError, quote } from '../bundle/errors.ts';
import { REGISTERS } from './measured.ts';

/**
 * What went into {@link REGISTERS} of a machine's TPM, one after another, by its event log (TCG PC Client Platform Firmware
 * Profile, 10): replayed they give what a register holds, so none of it can be left out. The names are the machine's word.
 */
export interface MeasuredEvent {
  /** One of {@link REGISTERS} */
  readonly register: number;
  /** {@link isEventName} */
  readonly name: string;
  /** SHA-256 of what was measured, 32 bytes */
  readonly digest: Uint8Array;
}

/** What is between the settings of a firmware and what it starts. */
export const SEPARATOR = 'separator';
/** The entry of a list, such as db, by which a program was believed. */
export const authorityOf = (list: string): string => `${list} authority`;

/** Characters of a name, at most. */
export const MAX_NAME = 32;
/** 1 to {@link MAX_NAME} printable ASCII characters. */
export const isEventName = (text: string): boolean =>
  /^[ -~]+$/.test(text) && text.length <= MAX_NAME;
/** Whether policies are about a register. */
export const isRegister = (register: number): boolean =>
  (REGISTERS as readonly number[]).includes(register);

/** Limit on the bytes of {@link encodeEvents}: a report has no more room. */
export const MAX_EVENTS_BYTES = 800;

/** For each: register and length of the name, a byte each; the name; the digest. None: no bytes. */
export function encodeEvents(events: readonly MeasuredEvent[]): Uint8Array {
  const writer = new Writer();
  for (const { register, name, digest } of events) {
    writer.u8(register).u8(name.length).bytes(utf8(name)).bytes(digest);
  }
  return writer.finish();
}

/** @throws truncated, bad_field, bad_encoding */
export function decodeEvents(bytes: Uint8Array): MeasuredEvent[] {
  if (bytes.length > MAX_EVENTS_BYTES) {
    throw bundleError('bad_field', `events have at most ${MAX_EVENTS_BYTES} bytes`);
  }
  const reader = new Reader(bytes);
  const events: MeasuredEvent[] = [];
  while (reader.remaining > 0) {
    const register = reader.u8();
    const name = fromUtf8(reader.bytes(reader.u8()));
    if (!isRegister(register) || !isEventName(name)) {
      throw bundleError('bad_field', 'this is no event of a register that images are signed about');
    }
    events.push({ register, name, digest: reader.bytes(32) });
  }
  return events;
}

/** What a register holds that began empty and was extended with these digests, 32 bytes (TPM 2.0 Library part 1, 11.4.7). */
export const extended = (digests: readonly Uint8Array[]): Uint8Array =>
  digests.reduce((held, digest) => sha256(held, digest), new Uint8Array(32));

/** What {@link REGISTERS} hold after these events, 32 bytes each. */
export const replayed = (events: readonly MeasuredEvent[]): Uint8Array[] =>
  REGISTERS.map((register) =>
    extended(events.flatMap((event) => (event.register === register ? [event.digest] : []))),
  );

/** An event in few words, by which one can be compared with another; a name that could be taken for something else is quoted. */
export const eventText = ({ name, digest }: MeasuredEvent): string =>
  `${/^\w+( authority)?$/.test(name) ? name : quote(name)} ${toHex(digest).slice(0, 16)}`;
