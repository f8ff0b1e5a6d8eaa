import { randomBytes } from '#platform';
import { equalBytes, isZero, toHex, Writer } from '../../../bundle/bytes.ts';
import { fail } from '../../../protocol/errors.ts';
import { withLock } from '../../tree/lock.ts';
import type { StatePlace } from '../../tree/state-place.ts';
import { demandInForce } from '../tpm/counter.ts';
import { withTpm } from '../tpm/device.ts';
import type { TpmDevice } from '../tpm/device.ts';
import { memoryArea, writeMemory } from '../tpm/memory-area.ts';
import { isWritten, nvRead } from '../tpm/nv.ts';
import type { Authority } from '../tpm/policy.ts';
import { isOlder } from './memory.ts';
import type { DecisionMemory, OpenedMemory } from './memory.ts';
import { decodeRecord, encodeRecord } from './memory-record.ts';
import type { Owner } from './memory-record.ts';

/** What a wiped memory begins with; its code follows. */
const WIPED = new Writer().magic('ccw').finish();
const CODE_BYTES = 16;

/** Of a memory that nothing was remembered in yet, neither; otherwise one of both. */
interface Kept {
  readonly memory?: DecisionMemory;
  readonly wiped?: string;
}

/**
 * A memory in an NV index of the TPM that only images of the site write, one for each key that signs them: no file stands
 * before it, since what another system left in one would be believed. Where nothing is written beside a counter that has come
 * to its first generation, it was wiped: a code is made and kept there, until a decision is saved (docs/adr/0317).
 * @throws device_missing, device_failed; key_refused for an image that was revoked; file_malformed for an index that somebody
 *   else defined, or what another machine remembers
 */
export function boundMemory(place: StatePlace, owner: Owner, authority: Authority): OpenedMemory {
  const load = (): Kept => withTpm((tpm) => keptIn(tpm, owner, authority));
  const save = (memory: DecisionMemory): void =>
    withTpm((tpm) => {
      if (isOlder(memory, keptIn(tpm, owner, authority).memory)) return;
      writeMemory(tpm, authority, encodeRecord(owner, memory));
    });
  withTpm((tpm) => demandInForce(tpm, authority));
  return {
    ...{ kind: 'tpm', before: load().memory },
    load: () => load().memory,
    save: (memory) => place.change((folder) => withLock(folder, () => save(memory))),
    wiped: () => load().wiped,
  };
}

/** What a TPM remembers: a new code, which it does from here on, where that was wiped. @throws as {@link boundMemory} */
export function keptIn(tpm: TpmDevice, owner: Owner, authority: Authority): Kept {
  const area = memoryArea(authority.key);
  if (isWritten(tpm, area) === true) return decode(nvRead(tpm, area.index, area.size), owner);
  const code = randomBytes(CODE_BYTES);
  writeMemory(tpm, authority, new Writer().bytes(WIPED).bytes(code).finish());
  return { wiped: toHex(code) };
}

function decode(record: Uint8Array, owner: Owner): Kept {
  if (isZero(record)) return {};
  if (equalBytes(record.subarray(0, WIPED.length), WIPED))
    return { wiped: toHex(record.subarray(WIPED.length, WIPED.length + CODE_BYTES)) };
  const memory = decodeRecord(record, owner, "what this machine's TPM remembers");
  if (memory !== undefined) return { memory };
  throw fail(
    'file_malformed',
    "what this machine's TPM remembers is about another key than the one that it was started with: start it with that, or clear the TPM in the firmware's menu, and the machine waits for a new decision",
  );
}
