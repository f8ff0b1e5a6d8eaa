import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { sha256 } from '#platform';
import { concat, Writer } from '../../bundle/bytes.ts';
import { pcrKeyOf } from '../../cli/image/sign-policies.ts';
import {
  ATTEST,
  measuredKeyName,
  qualifying,
  VOUCHER_TEMPLATE,
} from '../../protocol/attestation.ts';
import type { Attestation, AttestedText, Vouched } from '../../protocol/attestation.ts';
import { registersPolicy, SELECTION, signedClaim } from '../../protocol/measured.ts';
import { replayed } from '../../protocol/measured-events.ts';
import type { MeasuredEvent } from '../../protocol/measured-events.ts';
import type { ImageClaim } from '../../protocol/measured.ts';

/** What a TPM would vouch for, by a key in this process: what no TPM says can be made of it. */
export interface SoftwareTpm {
  /**
   * @param site 16 bytes
   * @param pem of the key that the site signs images with
   * @param starts how often it says that it was started
   * @param events what it says was measured, which its registers hold
   */
  vouch(
    site: Uint8Array,
    pem: Uint8Array,
    image: ImageClaim,
    about: AttestedText,
    starts?: number,
    events?: readonly MeasuredEvent[],
  ): Attestation;
}

const EVENTS = [
  { register: 7, name: 'SecureBoot', digest: new Uint8Array(32).fill(1) },
  { register: 7, name: 'db', digest: new Uint8Array(32).fill(2) },
  { register: 11, name: '.linux', digest: new Uint8Array(32).fill(3) },
];

export function makeSoftwareTpm(): SoftwareTpm {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const point = [x, y].map((text) => Buffer.from(text, 'base64url'));
  const voucher = concat(
    VOUCHER_TEMPLATE.subarray(0, -4),
    ...point.map((number) => new Writer().u16(32).bytes(number).finish()),
  );
  const signed = (attest: Uint8Array): Vouched => {
    const signature = sign('sha256', attest, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return { attest, signature: Uint8Array.from(signature) };
  };
  return {
    vouch(site, pem, image, about, starts = 1, events = EVENTS) {
      const key = pcrKeyOf(pem);
      const unique = new Uint8Array(32).fill(5);
      const registers = replayed(events);
      const data = qualifying(site, about);
      // TPMS_ATTEST (TPM 2.0 Library part 2, 10.12.12).
      const attest = (type: number, attested: Uint8Array): Uint8Array =>
        concat(
          new Writer().u32(0xff544347).u16(type).u16(0).u16(data.length).bytes(data).finish(),
          new Writer().bytes(new Uint8Array(8)).u32(starts).bytes(new Uint8Array(13)).finish(),
          attested,
        );
      const name = measuredKeyName(key, unique);
      const certified = new Writer().u16(name.length).bytes(name).u16(0).finish();
      const quoted = new Writer()
        .bytes(SELECTION)
        .u16(32)
        .bytes(sha256(...registers))
        .finish();
      const claim = signedClaim(registersPolicy(registers), image);
      const signature = sign('sha256', claim, createPrivateKey(Buffer.from(pem)));
      return {
        ...{ voucher, about, unique, registers, image, events },
        quote: signed(attest(ATTEST.quote, quoted)),
        certificate: signed(attest(ATTEST.certify, certified)),
        key: key.name.subarray(2),
        signature: Uint8Array.from(signature),
      };
    },
  };
}
