import { Reader, Writer } from '../../../bundle/bytes.ts';
import { bundleError } from '../../../bundle/errors.ts';
import { fail, hasCode } from '../../../protocol/errors.ts';
import { LASTING, PASSING, tellCode } from './codes.ts';
import type { TpmDevice } from './device.ts';
import { readSized } from './structures.ts';

/** Tags of commands and answers without authorizations, and with them (TPM 2.0 Library part 2, 6.9). */
const [PLAIN, AUTHORIZED] = [0x8001, 0x8002];
/** An authorization by a password in the place of a session: TPM_RS_PW (part 2, 7.4). */
const PASSWORD = 0x40000009;
/** How often a command is sent to a TPM that is busy, and the first wait in between, which doubles: 5 s together. */
const [TRIES, FIRST_WAIT_MS] = [10, 10];

/** A command of TPM 2.0 Library part 3. */
export interface Command {
  /** Without its prefix, TPM2_ */
  readonly name: string;
  readonly code: number;
  readonly handles?: readonly number[];
  /** Whether the first handle wants an authorization, or both do: the empty password is given. */
  readonly authorized?: true | 'both';
  /** For the first handle that no password is given for: a policy session, neither salted nor bound */
  readonly session?: number;
  readonly parameters?: Writer;
  /** Whether the answer begins with a handle. */
  readonly givesHandle?: true;
}

/**
 * Has a TPM do one command.
 * @param read what it gave, to the end: of some commands a handle, and the parameters
 * @throws device_failed with what the TPM said (`details.rc` is its response code), or where what came is
 *   no answer to this command: others can reach the bus that a TPM is on; device_busy, likewise, for what goes by itself
 */
export function execute<T>(
  tpm: TpmDevice,
  command: Command,
  read: (parameters: Reader, handle: number) => T,
): T {
  try {
    const { tag, rest } = exchange(tpm, command);
    const sessions = authorizing(command);
    const authorized = sessions.length > 0;
    if (tag !== (authorized ? AUTHORIZED : PLAIN)) throw garbled('another tag');
    const handle = command.givesHandle === true ? rest.u32() : 0;
    const parameters = new Reader(rest.bytes(authorized ? rest.u32() : rest.remaining));
    for (let i = 0; i < sessions.length; i++) {
      // Of a password and of such a session: a nonce or none, an attribute, no bytes.
      readSized(rest);
      rest.u8();
      readSized(rest);
    }
    rest.end();
    const result = read(parameters, handle);
    parameters.end();
    return result;
  } catch (error) {
    if (!hasCode(error, 'truncated', 'trailing_bytes')) throw error;
    const said = `what the TPM gave is no answer to TPM2_${command.name}`;
    throw fail('device_failed', `${said}: ${(error as Error).message}`, { cause: error });
  }
}

/** A command, again while the TPM is busy, and an answer that says that it was done. */
function exchange(tpm: TpmDevice, command: Command): { tag: number; rest: Reader } {
  const bytes = encode(command);
  for (let tries = 1, wait = FIRST_WAIT_MS; ; tries++, wait *= 2) {
    const answer = tpm.transmit(bytes);
    const rest = new Reader(answer);
    const [tag, size, code] = [rest.u16(), rest.u32(), rest.u32()];
    if (size !== answer.length) throw garbled('another size');
    if (code === 0) return { tag, rest };
    if (tries === TRIES || !PASSING.includes(code)) {
      const said = `the TPM refused TPM2_${command.name}: ${tellCode(code)}`;
      const isLasting = LASTING.includes(code);
      throw fail(isLasting ? 'device_busy' : 'device_failed', said, { details: { rc: code } });
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, wait);
  }
}

const garbled = (what: string): Error => bundleError('truncated', `it has ${what}`);

function authorizing({ authorized, session }: Command): number[] {
  const passwords = authorized === 'both' ? [PASSWORD, PASSWORD] : [PASSWORD];
  return [
    ...(authorized === undefined ? [] : passwords),
    ...(session === undefined ? [] : [session]),
  ];
}

/** Part 1, 16.3: a header, the handles, the size of the authorizations and those, the parameters. */
function encode(command: Command): Uint8Array {
  const { code, handles = [], parameters } = command;
  const sessions = authorizing(command);
  const body = new Writer();
  for (const handle of handles) body.u32(handle);
  if (sessions.length > 0) {
    const authorizations = new Writer();
    // No nonce, continueSession, no HMAC (part 2, 10.13.2).
    for (const session of sessions) authorizations.u32(session).u16(0).u8(1).u16(0);
    const bytes = authorizations.finish();
    body.u32(bytes.length).bytes(bytes);
  }
  if (parameters !== undefined) body.bytes(parameters.finish());
  const bytes = body.finish();
  const tag = sessions.length === 0 ? PLAIN : AUTHORIZED;
  return new Writer()
    .u16(tag)
    .u32(10 + bytes.length)
    .u32(code)
    .bytes(bytes)
    .finish();
}
