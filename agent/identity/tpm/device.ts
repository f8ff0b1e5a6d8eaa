import * as fs from 'node:fs';
import { errnoOf } from '../../../files/errors.ts';
import { fail } from '../../../protocol/errors.ts';

/** Names another device, as tpm2-tools(1) do: `device:PATH`. */
const VARIABLE = 'TPM2TOOLS_TCTI';
/** The kernel's resource manager: it puts aside what other programs have in the TPM. */
const DEVICE = '/dev/tpmrm0';
/** What firmware and stub measured into it, as they gave it to the kernel (Documentation/security/tpm/tpm_event_log.rst). */
const LOG = '/sys/kernel/security/tpm0/binary_bios_measurements';
/** Bytes of a command or an answer, at most (TCG PC Client Platform TPM Profile, TPM_PT_MAX_RESPONSE_SIZE). */
const MAX_BYTES = 4096;
/** Where an answer says how many bytes it has: behind its tag. */
const SIZE_AT = 2;
/** Bytes of a tag, a size and a code. */
const HEADER_BYTES = 10;

/** A TPM that is open. */
export interface TpmDevice {
  /** Path of the event log of what was measured into it; absent of a device that a variable names */
  readonly log?: string;
  /** Its whole answer to a whole command; nothing in it was checked. @throws device_failed */
  transmit(command: Uint8Array): Uint8Array;
}

/**
 * Runs `act` with the machine's TPM: /dev/tpmrm0, or the device that TPM2TOOLS_TCTI names.
 * @throws device_missing without a TPM; device_failed
 */
export function withTpm<T>(act: (tpm: TpmDevice) => T): T {
  const path = devicePath();
  let fd: number;
  try {
    fd = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_NOCTTY);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT')
      throw fail('device_missing', `this machine has no TPM 2.0: there is no ${path}`);
    throw broken(path, error);
  }
  try {
    return act({
      ...(path === DEVICE && { log: LOG }),
      transmit(command) {
        try {
          return transmit(fd, command);
        } catch (error) {
          throw broken(path, error);
        }
      },
    });
  } finally {
    fs.closeSync(fd);
  }
}

function devicePath(): string {
  const named = process.env[VARIABLE];
  if (named === undefined) return DEVICE;
  const path = /^device:(\/.+)$/.exec(named)?.[1];
  if (path !== undefined) return path;
  throw fail('usage', `${VARIABLE} is ${named}: a TPM is reached as device:PATH, here ${DEVICE}`);
}

/** The kernel has done the command when the write ends, and gives the answer to one read, or to several. */
function transmit(fd: number, command: Uint8Array): Uint8Array {
  fs.writeSync(fd, command);
  const answer = Buffer.alloc(MAX_BYTES);
  let bytes = 0;
  do {
    const more = fs.readSync(fd, answer, bytes, MAX_BYTES - bytes, null);
    if (more === 0) throw new Error(`its answer ends after ${bytes} bytes`);
    bytes += more;
  } while (bytes < HEADER_BYTES || bytes < answer.readUInt32BE(SIZE_AT));
  return answer.subarray(0, bytes);
}

const broken = (path: string, cause: unknown): Error =>
  fail('device_failed', `the TPM ${path}: ${(cause as Error).message}`, { cause });
