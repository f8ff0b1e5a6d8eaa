import { equalBytes, isZero, toHex, Writer } from '../../../bundle/bytes.ts';
import { CoatcheckError } from '../../../bundle/errors.ts';
import { errnoOf } from '../../../files/errors.ts';
import { REGISTERS, SECURE_BOOT, SELECTION } from '../../../protocol/measured.ts';
import {
  encodeEvents,
  eventText,
  MAX_EVENTS_BYTES,
  replayed,
} from '../../../protocol/measured-events.ts';
import type { MeasuredEvent } from '../../../protocol/measured-events.ts';
import type { TpmDevice } from './device.ts';
import { readEventLog } from './event-log.ts';
import { execute } from './execute.ts';
import { readSized } from './structures.ts';

/** What the registers hold that a policy is about, 32 bytes each (`REGISTERS`). @throws device_failed */
export function readRegisters(tpm: TpmDevice): Uint8Array[] {
  const parameters = new Writer().bytes(SELECTION);
  return execute(tpm, { name: 'PCR_Read', code: 0x17e, parameters }, (answer) => {
    answer.bytes(4); // how often any was extended
    answer.bytes(SELECTION.length); // one that it has none of gives fewer values
    return Array.from({ length: answer.u32() }, () => readSized(answer));
  });
}

/**
 * What went into the registers, by the event log: of those that it gives as the TPM holds them. That of some firmware gives
 * others, and then proves nothing; what there is no room for is left out as well, a register at a time. None where no log can be read.
 */
export function readEvents(
  tpm: TpmDevice,
  registers: readonly Uint8Array[],
): readonly MeasuredEvent[] {
  const events = loggedEvents(tpm);
  const gives = replayed(events);
  return REGISTERS.reduce<readonly MeasuredEvent[]>((told, register, i) => {
    const more = [...told, ...events.filter((event) => event.register === register)];
    const [held, given] = [registers[i], gives[i]!];
    const isGiven = held !== undefined && equalBytes(held, given);
    return isGiven && encodeEvents(more).length <= MAX_EVENTS_BYTES ? more : told;
  }, []);
}

/** What the registers hold, and what Secure Boot is made of, as `coatcheck image policy` foresees it. */
export function tellRegisters(tpm: TpmDevice): string {
  try {
    const registers = readRegisters(tpm);
    const events = readEvents(tpm, registers);
    const told = REGISTERS.map((register, i) => {
      const held = registers[i];
      if (held === undefined) return `PCR ${register} is not there for SHA-256`;
      if (isZero(held)) return `PCR ${register} is empty`;
      const parts = events.filter((event) => event.register === register).map(eventText);
      const of = register === SECURE_BOOT && parts.length > 0 ? ` (${parts.join(', ')})` : '';
      return `PCR ${register} is ${toHex(held)}${of}`;
    });
    return told.join('; ');
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    return `What they hold cannot be read: ${error.message}`;
  }
}

/** None where the log cannot be read. */
function loggedEvents({ log }: TpmDevice): readonly MeasuredEvent[] {
  if (log === undefined) return [];
  try {
    return readEventLog(log);
  } catch (error) {
    if (!(error instanceof CoatcheckError) && errnoOf(error) === undefined) throw error;
    return [];
  }
}
