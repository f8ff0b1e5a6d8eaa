import { readLocalFileNow } from '../../../files/read.ts';
import { fail } from '../../../protocol/errors.ts';
import {
  authorityOf,
  isEventName,
  isRegister,
  MAX_NAME,
  SEPARATOR,
} from '../../../protocol/measured-events.ts';
import type { MeasuredEvent } from '../../../protocol/measured-events.ts';
import { SHA256 } from './structures.ts';

/** That of OVMF has 12 KB; dbx is in it once, of which some firmware has tens of KB. */
const MAX_LOG_BYTES = 1024 * 1024;
/** TCG PC Client Platform Firmware Profile, 10.4.1: what is told and not measured; what separates; lines of text. */
const [NO_ACTION, SEPARATES, IPL, ACTION] = [0x3, 0x4, 0xd, 0x80000007];
/** A setting, and the entry of a list by which something was believed. */
const [SETTING, AUTHORITY] = [0x80000001, 0x800000e0];
/** How the first event says that those after it have digests of several algorithms (the same, 10.4.5.1). */
const SIGNATURE = Buffer.from('Spec ID Event03\0');

/**
 * What firmware and stub measured into the registers that policies are about, in their order.
 * @param path of the kernel's file
 * @throws file_missing where the kernel has none, file_denied; file_malformed for one that is cut off, or without SHA-256
 */
export const readEventLog = (path: string): MeasuredEvent[] =>
  parseEventLog(Buffer.from(readLocalFileNow(path, { maxBytes: MAX_LOG_BYTES }).content));

/** {@link readEventLog} of what is in it. @throws file_malformed */
export function parseEventLog(log: Buffer): MeasuredEvent[] {
  try {
    return eventsIn(log);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw malformed('is cut off');
  }
}

function eventsIn(log: Buffer): MeasuredEvent[] {
  const from = new Cursor(log);
  from.bytes(4 + 4 + 20); // register, type and SHA-1 of the first one
  const sizes = digestSizes(from.bytes(from.u32()));
  const events: MeasuredEvent[] = [];
  while (from.remaining > 0) {
    const [register, type] = [from.u32(), from.u32()];
    let digest: Uint8Array | undefined;
    for (let left = from.u32(); left > 0; left--) {
      const algorithm = from.u16();
      const size = sizes.get(algorithm);
      if (size === undefined) throw malformed('has a digest that its beginning does not name');
      const bytes = from.bytes(size);
      if (algorithm === SHA256) digest = Uint8Array.from(bytes);
    }
    const data = from.bytes(from.u32());
    if (type === NO_ACTION || !isRegister(register)) continue;
    if (digest?.length !== 32) throw malformed('has an event without SHA-256');
    events.push({ register, name: nameOfEvent(type, data), digest });
  }
  return events;
}

/** TCG_EfiSpecIDEvent: how long the digests of each algorithm are, also of those that nobody here knows. */
function digestSizes(data: Buffer): Map<number, number> {
  const from = new Cursor(data);
  if (!from.bytes(SIGNATURE.length).equals(SIGNATURE)) throw malformed('is of SHA-1 alone');
  from.bytes(4 + 4); // class of the platform, version
  const sizes = new Map<number, number>();
  for (let left = from.u32(); left > 0; left--) sizes.set(from.u16(), from.u16());
  return sizes;
}

/** For people: what an event says of itself, which its digest need not be about. */
function nameOfEvent(type: number, data: Buffer): string {
  if (type === SEPARATES) return SEPARATOR;
  const text = textOf(type, data).split('\0', 1)[0]!;
  const name = type === AUTHORITY && text !== '' ? authorityOf(text) : text;
  return isEventName(name) ? name : `0x${type.toString(16)}`;
}

/** As much as says whether it is longer than a name. */
function textOf(type: number, data: Buffer): string {
  if (type === IPL || type === ACTION) {
    // UTF-16 of systemd's stub, or bytes.
    return data[1] === 0
      ? data.toString('utf16le', 0, 2 * (MAX_NAME + 1))
      : data.toString('latin1', 0, MAX_NAME + 1);
  }
  if ((type !== SETTING && type !== AUTHORITY) || data.length < 32) return '';
  // UEFI_VARIABLE_DATA: GUID, the name's length in characters, the content's, the name, the content.
  const characters = Number(data.readBigUInt64LE(16));
  return characters <= MAX_NAME ? data.toString('utf16le', 32, 32 + 2 * characters) : '';
}

const malformed = (what: string): Error => fail('file_malformed', `its event log ${what}`);

/** Reads numbers as the log has them, the lowest byte first. */
class Cursor {
  readonly #from: Buffer;
  #at = 0;
  constructor(from: Buffer) {
    this.#from = from;
  }
  get remaining(): number {
    return this.#from.length - this.#at;
  }
  /** @throws RangeError where there are fewer */
  bytes(length: number): Buffer {
    if (length > this.remaining) throw new RangeError(`${this.remaining} of ${length} bytes`);
    this.#at += length;
    return this.#from.subarray(this.#at - length, this.#at);
  }
  u16(): number {
    return this.bytes(2).readUInt16LE();
  }
  u32(): number {
    return this.bytes(4).readUInt32LE();
  }
}
