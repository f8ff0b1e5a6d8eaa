import { readFileSync } from 'node:fs';
import { readAuthorities } from '../../../agent/identity/authority.ts';
import { attest } from '../../../agent/identity/tpm/attest.ts';
import { withTpm } from '../../../agent/identity/tpm/device.ts';
import type { TpmDevice } from '../../../agent/identity/tpm/device.ts';
import { execute } from '../../../agent/identity/tpm/execute.ts';
import { memoryArea, writeMemory } from '../../../agent/identity/tpm/memory-area.ts';
import { nvWrite } from '../../../agent/identity/tpm/nv.ts';
import type { Authority } from '../../../agent/identity/tpm/policy.ts';
import { sized } from '../../../protocol/measured.ts';
import { fromHex, Writer } from '../../../bundle/bytes.ts';
import { parseCa } from '../../../net/certificates.ts';
import { encodeAttestation, qualifying } from '../../../protocol/attestation.ts';
import type { AttestedText } from '../../../protocol/attestation.ts';
import { parseNodeId } from '../../../protocol/keys.ts';
import { keyId, pcrKey, REGISTERS, registersPolicy } from '../../../protocol/measured.ts';
import { parseSite } from '../../../protocol/site.ts';
import { ORDERS, say } from './orders.ts';
import type { Loot, Orders } from './orders.ts';

/**
 * What somebody else's system on a machine tries with its TPM: it is root, has all that is in a signed image, and the agent's
 * own code. What came of it goes to the second serial line.
 */
const site = parseSite(readFileSync('/etc/coatcheck/site.json', 'utf8'), parseCa);
const authority = readAuthorities(site, '/')[0]!;
const { record, texts } = JSON.parse(readFileSync(`/${ORDERS}`, 'utf8')) as Orders;
const { key, file } = authority;
const signed = file.policies[0]!;

/** TPM_CC_PolicyGetDigest (TPM 2.0 Library part 2, 6.5.2) */
const POLICY_GET_DIGEST = 0x189;

/** The same TPM, of which the agent's code believes that its registers are as those of the signed image. */
const lying = (tpm: TpmDevice): TpmDevice => ({
  transmit(command) {
    const answer = tpm.transmit(command);
    if (Buffer.from(command).readUInt32BE(6) !== POLICY_GET_DIGEST) return answer;
    return Buffer.concat([answer.subarray(0, -32), signed.registers]);
  },
});

function tried(act: () => void): string {
  try {
    act();
    return 'written';
  } catch (error) {
    return (error as Error).message;
  }
}

const old = Buffer.from(record, 'base64');
const { index } = memoryArea(key);
const memory = withTpm((tpm): Loot['memory'] => ({
  owner: tried(() => nvWrite(tpm, index, old)),
  password: tried(() => {
    const parameters = new Writer().bytes(sized(old)).u16(0);
    const write = { name: 'NV_Write', code: 0x137, handles: [index, index], parameters };
    execute(tpm, { ...write, authorized: true }, () => undefined);
  }),
  policy: tried(() => writeMemory(lying(tpm), authority, old)),
}));

const registers = registersPolicy(
  REGISTERS.map((register) =>
    fromHex(
      readFileSync(`/sys/class/tpm/tpm0/pcr-sha256/${register}`, 'utf8').trim().toLowerCase(),
    ),
  ),
);
/** Of nobody: what it would open nobody can, but the name is as good as any. */
const foreign = pcrKey(new Uint8Array(256).fill(0xc5));
const by = (of: Pick<Authority, 'key'>): Authority => ({
  ...of,
  file: { ...file, policies: [{ ...signed, key: keyId(of.key), registers }] },
});
const vouched = texts.map(({ node, statement, text }) => {
  const about = {
    ...{ node: parseNodeId(node), statement: fromHex(statement), text: fromHex(text) },
  } satisfies AttestedText;
  const made = (of: Authority): string =>
    withTpm((tpm) =>
      Buffer.from(encodeAttestation(attest(tpm, of, about, qualifying(site.id, about))!)).toString(
        'base64',
      ),
    );
  return { registers: made(by({ key })), key: made(by({ key: foreign })) };
});

say(JSON.stringify({ memory, vouched } satisfies Loot));
console.log('the intruder is done');
