import { join } from 'node:path';
import { readLocalFile } from '../../files/read.ts';
import { fail, hasCode } from '../../protocol/errors.ts';

/**
 * What a firmware has of Secure Boot, as it holds it: lists of signatures (UEFI 2.10, 32.4.1, EFI_SIGNATURE_LIST).
 */
export interface EnrolledLists {
  readonly PK: Uint8Array;
  readonly KEK: Uint8Array;
  readonly db: Uint8Array;
  /** Empty where nothing is refused */
  readonly dbx: Uint8Array;
}

/** Of one state of a firmware: its lists, and where they are from. */
export interface FirmwareState extends EnrolledLists {
  /** Path of the folder; without one the site's own lists */
  readonly folder?: string;
}

const NAMES = ['PK', 'KEK', 'db', 'dbx'] as const;
/** A firmware has less room for its variables. */
const MAX_LIST_BYTES = 1024 * 1024;
/** Files of efivarfs cannot be sought in, and begin with attributes: tail on such a file writes nothing (coreutils 9.7). */
const READ_VARIABLE = 'cat VARIABLE | tail -c +5';

/**
 * The states of firmware that are meant.
 * @param own folder of the site's own lists, which stand for what a state says nothing about; no dbx is among them
 * @param folders with any of `PK.esl`, `KEK.esl`, `db.esl` and `dbx.esl`; none: a firmware with the site's own lists
 * @throws file_missing for a folder with none of them; file_malformed
 */
export async function firmwareStates(
  own: string,
  folders: readonly string[],
): Promise<FirmwareState[]> {
  const site = await listsIn(own);
  const { PK, KEK, db } = site;
  if (PK === undefined || KEK === undefined || db === undefined) {
    throw fail('file_missing', `${own} has no PK.esl, KEK.esl and db.esl, which image keys made`);
  }
  const lists = { PK, KEK, db, dbx: new Uint8Array() };
  if (folders.length === 0) return [lists];
  const states: FirmwareState[] = [];
  for (const folder of folders) {
    const found = await listsIn(folder);
    if (Object.keys(found).length === 0) {
      const files = NAMES.map((name) => `${name}.esl`).join(', ');
      throw fail('file_missing', `${folder} has none of ${files}`);
    }
    states.push({ ...lists, ...found, folder });
  }
  return states;
}

async function listsIn(folder: string): Promise<Partial<EnrolledLists>> {
  const found: Partial<Record<(typeof NAMES)[number], Uint8Array>> = {};
  for (const name of NAMES) {
    const path = join(folder, `${name}.esl`);
    try {
      found[name] = await readLocalFile(path, { maxBytes: MAX_LIST_BYTES });
    } catch (error) {
      if (hasCode(error, 'file_missing')) continue;
      throw error;
    }
    signaturesIn(Buffer.from(found[name]), path);
    if (name === 'dbx' || found[name].length > 0) continue;
    throw fail(
      'file_malformed',
      `${path} is empty, and no firmware under Secure Boot has that: where it is a variable, read it by ${READ_VARIABLE}`,
    );
  }
  return found;
}

/** EFI_CERT_X509_GUID, as memory has it. */
const X509 = Buffer.from('a159c0a5e494a74a87b5ab155c2bf072', 'hex');
/** Of an EFI_SIGNATURE_LIST: its type, and three lengths, each behind the other. */
const LIST = { type: 16, size: 16, headerSize: 20, signatureSize: 24, bytes: 28 } as const;
/** Of an EFI_SIGNATURE_DATA: who put it there. */
const OWNER_BYTES = 16;

interface Signature {
  readonly type: Buffer;
  /** EFI_SIGNATURE_DATA */
  readonly data: Buffer;
}

/** @throws file_malformed for what is no lists, each whole, one behind the other */
function signaturesIn(lists: Buffer, path: string): Signature[] {
  const found: Signature[] = [];
  for (let at = 0; at < lists.length;) {
    const rest = lists.subarray(at);
    const isWhole = rest.length >= LIST.bytes;
    const [size, headerSize, each] = isWhole
      ? [LIST.size, LIST.headerSize, LIST.signatureSize].map((field) => rest.readUInt32LE(field))
      : [0, 0, 0];
    const first = LIST.bytes + headerSize!;
    const count = (size! - first) / each!;
    if (size! > rest.length || each! <= OWNER_BYTES || !Number.isInteger(count) || count < 0) {
      throw fail(
        'file_malformed',
        `${path} is no list of signatures: of a file of efivars the first 4 bytes do not belong to it (${READ_VARIABLE})`,
      );
    }
    for (let i = 0; i < count; i++) {
      const start = first + i * each!;
      found.push({ type: rest.subarray(0, LIST.type), data: rest.subarray(start, start + each!) });
    }
    at += size!;
  }
  return found;
}

/**
 * The entry of db by which a firmware believes what a certificate signed, as it measures it: EFI_SIGNATURE_DATA.
 * @param certificate DER
 * @param path of db, for messages
 * @throws does_not_verify where db has no such certificate
 */
export function authorityIn(db: Uint8Array, certificate: Uint8Array, path: string): Uint8Array {
  const found = signaturesIn(Buffer.from(db), path).find(
    ({ type, data }) => type.equals(X509) && data.subarray(OWNER_BYTES).equals(certificate),
  );
  if (found !== undefined) return found.data;
  throw fail(
    'does_not_verify',
    `${path} has no certificate that signs the site's images, so such a firmware starts none: add db.esl of image-keys to it`,
  );
}
