import { randomBytes, sha256 } from '#platform';
import { equalBytes, Writer } from '../../../bundle/bytes.ts';
import { CoatcheckError } from '../../../bundle/errors.ts';
import { fail } from '../../../protocol/errors.ts';
import {
  AT_MOST,
  counterArea,
  counterBytes,
  keyId,
  lastOf,
  policyFor,
  referenceOf,
  SELECTION,
  signedPolicy,
  sized,
} from '../../../protocol/measured.ts';
import type { PcrKey, Use } from '../../../protocol/measured.ts';
import type { PolicyFile, SignedPolicies } from '../../../protocol/policies.ts';
import type { TpmDevice } from './device.ts';
import { execute } from './execute.ts';
import { withHandle } from './hmac-key.ts';
import { OWNER } from './nv.ts';
import { tellRegisters } from './registers.ts';
import { NOTHING, readSized, SHA256 } from './structures.ts';

/** The handle of nothing (TPM 2.0 Library part 2, 7.4, TPM_RH_NULL). */
const NULL = 0x40000007;
/** Algorithms (part 2, 6.3): none, RSASSA-PKCS1-v1_5. */
const [NONE, RSASSA] = [0x0010, 0x0014];

/** A register was extended since the session began (part 2, 6.6.3, TPM_RC_PCR_CHANGED). */
const PCR_CHANGED = 0x128;
/** How often a session is begun, at most. */
const TRIES = 10;

/** What a signed image has to open what its machine's TPM keeps for it. */
export interface Authority {
  readonly key: PcrKey;
  /** What the key, and others, signed about the image */
  readonly file: PolicyFile;
}

/**
 * Runs `act` in a session in which the policy of `use` is true: the site's key signed that the registers are as they are now
 * and, but for the counter itself, that the counter is at most so high. It is good for one command. Whatever extends any
 * register meanwhile ends the session, as IMA does in PCR 10 with each file that it measures: then all is done again.
 * @throws key_refused where nothing that the key signed is about what the registers hold; device_failed
 */
export function withPolicy<T>(
  tpm: TpmDevice,
  authority: Authority,
  use: Use,
  act: (session: number) => T,
): T {
  for (let tries = 1; ; tries++) {
    try {
      return inSession(tpm, authority, use, act);
    } catch (error) {
      const hasChanged = error instanceof CoatcheckError && error.details['rc'] === PCR_CHANGED;
      if (!hasChanged || tries === TRIES) throw error;
    }
  }
}

/** What the key signed about registers of which a policy says what they hold, 32 bytes. */
export const signedAbout = (
  { key, file }: Authority,
  registers: Uint8Array,
): SignedPolicies | undefined =>
  file.policies.find((one) => one.key === keyId(key) && equalBytes(one.registers, registers));

function inSession<T>(
  tpm: TpmDevice,
  authority: Authority,
  use: Use,
  act: (session: number) => T,
): T {
  return withHandle(tpm, startPolicy(tpm), (session) => {
    policyPcr(tpm, session);
    const holds = policyDigest(tpm, session);
    const found = signedAbout(authority, holds);
    if (found === undefined) {
      throw fail(
        'key_refused',
        `the TPM keeps this machine's key from what was started: nothing that the site signed is about PCR 7, 11, 12 and 13 as they are. Another image or command line, Secure Boot off or with other keys, or the key was used already since this machine started. ${tellRegisters(tpm)}`,
      );
    }
    const { key, file } = authority;
    const { generation } = file.image;
    if (use !== 'counter') policyNv(tpm, session, key, generation);
    authorize(tpm, session, key, {
      policy: policyFor(use, found.registers, key, generation),
      use,
      signature: found.signatures[use],
    });
    return act(session);
  });
}

/** A session of a policy, in which nothing is true yet. @returns its handle, to be flushed @throws device_failed */
export function startPolicy(tpm: TpmDevice): number {
  const parameters = new Writer()
    .bytes(sized(randomBytes(16)))
    .bytes(sized(NOTHING)) // no salt
    .u8(1) // TPM_SE_POLICY
    .u16(NONE)
    .u16(SHA256);
  const command = { name: 'StartAuthSession', code: 0x176, handles: [NULL, NULL], parameters };
  return execute(tpm, { ...command, givesHandle: true }, (answer, handle) => {
    readSized(answer);
    return handle;
  });
}

function policyPcr(tpm: TpmDevice, session: number): void {
  // Whatever they hold.
  const parameters = new Writer().bytes(sized(NOTHING)).bytes(SELECTION);
  execute(tpm, { name: 'PolicyPCR', code: 0x17f, handles: [session], parameters }, () => undefined);
}

const policyDigest = (tpm: TpmDevice, session: number): Uint8Array =>
  execute(tpm, { name: 'PolicyGetDigest', code: 0x189, handles: [session] }, readSized);

function policyNv(tpm: TpmDevice, session: number, key: PcrKey, generation: number): void {
  const parameters = new Writer()
    .bytes(sized(counterBytes(lastOf(generation))))
    .u16(0)
    .u16(AT_MOST);
  const handles = [OWNER, counterArea(key).index, session];
  const command = { name: 'PolicyNV', code: 0x149, handles, parameters };
  execute(tpm, { ...command, authorized: true }, () => undefined);
}

function authorize(
  tpm: TpmDevice,
  session: number,
  key: PcrKey,
  signed: { readonly policy: Uint8Array; readonly use: Use; readonly signature: Uint8Array },
): void {
  const { policy, use } = signed;
  const parameters = new Writer()
    .bytes(sized(policy))
    .bytes(sized(referenceOf(use)))
    .bytes(sized(key.name))
    .bytes(verify(tpm, key, sha256(signedPolicy(policy, use)), signed.signature));
  const command = { name: 'PolicyAuthorize', code: 0x16a, handles: [session], parameters };
  execute(tpm, command, () => undefined);
}

/** @returns TPMT_TK_VERIFIED */
function verify(
  tpm: TpmDevice,
  { area }: PcrKey,
  digest: Uint8Array,
  signature: Uint8Array,
): Uint8Array {
  const load = new Writer().bytes(sized(NOTHING)).bytes(sized(area)).u32(OWNER);
  const loaded = execute(
    tpm,
    { name: 'LoadExternal', code: 0x167, parameters: load, givesHandle: true },
    (answer, handle) => {
      readSized(answer);
      return handle;
    },
  );
  return withHandle(tpm, loaded, () => {
    const parameters = new Writer()
      .bytes(sized(digest))
      .u16(RSASSA)
      .u16(SHA256)
      .bytes(sized(signature));
    const command = { name: 'VerifySignature', code: 0x177, handles: [loaded], parameters };
    return execute(tpm, command, (answer) => Uint8Array.from(answer.rest()));
  });
}
