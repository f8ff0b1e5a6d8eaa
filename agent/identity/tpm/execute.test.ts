import { describe, expect, it } from 'vitest';
import { fromHex, toHex, utf8 } from '../../../bundle/bytes.ts';
import { CoatcheckError } from '../../../bundle/errors.ts';
import { ERRORS, EXIT, hasCode } from '../../../protocol/errors.ts';
import type { ErrorCode } from '../../../protocol/errors.ts';
import type { TpmDevice } from './device.ts';
import { endorsementArea, MAX_CERTIFICATE_BYTES } from '../../../protocol/endorsement.ts';
import { readEndorsement } from './endorsement.ts';
import { hmacUnderPrimary } from './hmac-key.ts';
import { nvRead, nvReadPublic } from './nv.ts';

/** A TPM that gives these answers, in hex, whatever it is told; the commands that came are kept. */
function answering(...answers: string[]): TpmDevice & { readonly commands: string[] } {
  const commands: string[] = [];
  return {
    commands,
    transmit(command) {
      const answer = answers[commands.length];
      commands.push(toHex(command));
      if (answer === undefined) throw new Error('no more was to be asked');
      return fromHex(answer);
    },
  };
}
const words = (...numbers: number[]): string =>
  numbers.map((number) => number.toString(16).padStart(8, '0')).join('');
/** What says no. */
const refusal = (code: number): string => `8001${words(10, code)}`;
/** Of a command with an authorization, which was done. @param parameters in hex */
const done = (parameters: string, handle = ''): string => {
  const body = `${handle}${words(parameters.length / 2)}${parameters}0000010000`;
  return `8002${words(10 + body.length / 2, 0)}${body}`;
};
const thrown = (act: () => unknown): CoatcheckError => {
  try {
    act();
  } catch (error) {
    if (hasCode(error, 'device_failed', 'device_busy')) return error as CoatcheckError;
    throw error;
  }
  throw new Error('nothing was thrown');
};

const READ = done('0003616263');
const read = (tpm: TpmDevice): string => toHex(nvRead(tpm, 0x01812345, 3));

describe('an answer of a TPM', () => {
  it('is taken where it is whole', () => {
    expect(read(answering(READ))).toBe('616263');
  });

  it('that is cut short or goes on anywhere, or is another command’s, is none', () => {
    for (let length = 0; length < READ.length; length += 2) {
      const cut = READ.slice(0, length);
      expect(thrown(() => read(answering(cut))).message).toMatch(
        /^what the TPM gave is no answer to TPM2_NV_Read: /,
      );
      if (length < 20) continue;
      const sized = `8002${words(length / 2, 0)}${cut.slice(20)}`;
      expect(thrown(() => read(answering(sized))).message).toContain('no answer to TPM2_NV_Read');
    }
    const others = [
      ...[`${READ}00`, done('000361626300'), done('0004616263'), done('')],
      ...[READ.replace(/^8002/, '8001'), READ.replace(/0000010000$/, '0004010000')],
      `8001${words(15, 0)}0003616263`,
    ];
    for (const other of others)
      expect(thrown(() => read(answering(other))).message).toContain('no answer to TPM2_NV_Read');
  });

  it.each([
    [
      0x9a2,
      'TPM_RC_BAD_AUTH 0x9a2, the authorization is wrong: somebody took ownership of the TPM',
    ],
    [
      0x921,
      'TPM_RC_LOCKOUT 0x921, it was asked with a wrong authorization too often: leave it switched on for some hours',
    ],
    [0x923, 'TPM_RC_NV_UNAVAILABLE 0x923, its memory cannot be written now'],
    [0x100, 'TPM_RC_INITIALIZE 0x100, the firmware did not start it'],
    [0x2c4, 'TPM_RC_VALUE 0x2c4'],
    [0x14b, 'TPM_RC_NV_SPACE 0x14b, it has no room: undefine an index that nothing needs'],
    [0xdead, 'TPM_RC 0xdead'],
  ])('that says no (0x%x) is told by its name', (code, told) => {
    const { message, details, code: is } = thrown(() => read(answering(refusal(code))));
    expect(message).toBe(`the TPM refused TPM2_NV_Read: ${told}`);
    expect(details).toEqual({ rc: code });
    // A start that fails for what passes by itself is tried again.
    expect(is).toBe(code === 0x921 || code === 0x923 ? 'device_busy' : 'device_failed');
    const isFinal = [EXIT.usage, EXIT.failed].includes(ERRORS[is as ErrorCode].exit as 2 | 9);
    expect(isFinal).toBe(is === 'device_failed');
  });

  it('that says that it is busy has the same asked again, and at last is told', () => {
    const busy = [0x922, 0x908, 0x90a, 0x920].map(refusal);
    const tpm = answering(...busy, READ);
    expect(read(tpm)).toBe('616263');
    expect(new Set(tpm.commands).size).toBe(1);
    const never = answering(...Array.from({ length: 10 }, () => refusal(0x90a)));
    const { code, message } = thrown(() => read(never));
    expect([code, message]).toEqual([
      'device_busy',
      expect.stringContaining('TPM_RC_TESTING 0x90a, it tests itself'),
    ]);
    expect(never.commands).toHaveLength(10);
  });

  it('that there is no such index is no failure of its public area, and any other is', () => {
    expect(nvReadPublic(answering(refusal(0x18b)), 0x01812345)).toBeUndefined();
    expect(thrown(() => nvReadPublic(answering(refusal(0x101)), 1)).details).toEqual({ rc: 0x101 });
  });
});

describe('a key under the endorsement hierarchy', () => {
  const created = done(
    '0000' + '0000' + '0000' + '8021' + '4000000b' + '0000' + '0000',
    '80000001',
  );
  const flushed = refusal(0);
  const flush = `8001${words(14, 0x165)}80000001`;

  it('is flushed when it was used, and when it could not be', () => {
    const used = answering(created, done('0003616263'), flushed);
    expect(toHex(hmacUnderPrimary(used, 0, utf8('label')))).toBe('616263');
    expect(used.commands[2]).toBe(flush);
    const refused = answering(created, refusal(0x143), refusal(0x101));
    const { message } = thrown(() => hmacUnderPrimary(refused, 0, utf8('label')));
    expect(message).toBe(
      'the TPM refused TPM2_HMAC: TPM_RC_COMMAND_CODE 0x143, it has no such command',
    );
    expect(refused.commands[2]).toBe(flush);
  });
});

// No TPM in software has an index of that size.
it('a certificate that is longer than a proposal takes is none', () => {
  const said = (parameters: string): string =>
    `8001${words(10 + parameters.length / 2, 0)}${parameters}`;
  const sizedHex = (hex: string): string =>
    `${(hex.length / 2).toString(16).padStart(4, '0')}${hex}`;
  const modulus = new Uint8Array(256).fill(0xee);
  const kept = said(`${sizedHex(toHex(endorsementArea(modulus)))}00000000`);
  const index = (size: string): string =>
    said(`${sizedHex(`01c00002000b220f07620000${size}`)}0000`);
  expect(MAX_CERTIFICATE_BYTES).toBe(0x0b00);
  const long = answering(kept, kept, index('0b01'));
  expect(readEndorsement(long)).toEqual({ modulus, certificate: new Uint8Array() });
  const longest = answering(kept, kept, index('0b00'));
  expect(() => readEndorsement(longest)).toThrow('no more was to be asked');
});
