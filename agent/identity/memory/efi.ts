import * as fs from 'node:fs';
import { join } from 'node:path';
import { now } from '../../../files/calls.ts';
import { naming } from '../../../files/errors.ts';
import { reading } from '../../../files/read.ts';
import { concat, toHex } from '../../../bundle/bytes.ts';
import { fail } from '../../../protocol/errors.ts';
import { failure, runNow } from '../../programs/run.ts';
import { isOlder } from './memory.ts';
import type { DecisionMemory, MemoryStore } from './memory.ts';
import { damaged, decodeRecord, encodeRecord, ownerHash, RECORD_BYTES } from './memory-record.ts';
import type { Owner } from './memory-record.ts';

const EFIVARS = '/sys/firmware/efi/efivars';
/** Of coatcheck's variables; made for them. */
const GUID = 'c6155694-f4a5-40de-b677-65f99c225c28';
/** NON_VOLATILE, BOOTSERVICE_ACCESS and RUNTIME_ACCESS (UEFI 2.10, section 8.2), little-endian */
const ATTRIBUTES = Uint8Array.of(7, 0, 0, 0);

/**
 * A memory in a variable of the UEFI firmware, one per site and node. The firmware replaces a
 * variable whole or not at all. One that is not there holds nothing: whoever can reset the
 * firmware's settings can remove it.
 * @param folder where efivarfs is mounted
 * @throws device_missing where it is not; file_malformed; file_denied; device_failed
 */
export function efiMemory(owner: Owner, folder = EFIVARS): MemoryStore {
  const path = join(folder, `Coatcheck-${toHex(ownerHash(owner))}-${GUID}`);
  const load = (): DecisionMemory | undefined => {
    demandVariables(folder);
    if (!fs.existsSync(path)) return undefined;
    const record = readRecord(path).subarray(ATTRIBUTES.length);
    const memory = decodeRecord(record, owner, path);
    if (memory === undefined) throw damaged(path);
    return memory;
  };
  return {
    load,
    save(memory) {
      if (isOlder(memory, load())) return;
      // The kernel protects variables that it does not know from `rm` (docs: efivarfs).
      if (fs.existsSync(path)) chattr('-i', path);
      const { O_CREAT, O_WRONLY, O_NOFOLLOW } = fs.constants;
      const fd = naming(path, () => fs.openSync(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0o600));
      try {
        // One write is one SetVariable(), which the firmware has kept once it returns: efivarfs has no fsync.
        naming(path, () => fs.writeSync(fd, concat(ATTRIBUTES, encodeRecord(owner, memory))));
      } finally {
        fs.closeSync(fd);
        chattr('+i', path);
      }
    },
  };
}

/** Every firmware has variables: an empty folder is one where efivarfs is not mounted. */
function demandVariables(folder: string): void {
  const names = fs.existsSync(folder) ? naming(folder, () => fs.readdirSync(folder)) : [];
  if (names.length > 0) return;
  throw fail('device_missing', `there are no EFI variables in ${folder}: a BIOS, or not mounted`);
}

function readRecord(path: string): Uint8Array {
  const only = { maxBytes: ATTRIBUTES.length + RECORD_BYTES, noLink: true };
  return naming(path, () => now(reading(path, only))).content;
}

/** Node has no call for it. @throws device_failed */
function chattr(flag: '+i' | '-i', path: string): void {
  const ran = runNow('chattr', [flag, path]);
  if (ran.status !== 0) throw failure('device_failed', 'chattr', [flag, path], ran);
}
