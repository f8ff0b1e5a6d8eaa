import { expect, it } from 'vitest';
import { sha256 } from '#platform';
import type { Metadata } from '../bundle/index.ts';
import { fromBase64Url, toBase64Url, toHex } from '../bundle/bytes.ts';
import {
  decodeActivation,
  encodeActivation,
  encodeEndorsement,
  endorsementArea,
} from '../protocol/endorsement.ts';
import type { Activation, KnownBy } from '../protocol/endorsement.ts';
import { codeFrom } from '../tests/support/thrown.ts';
import {
  activationFor,
  endorsementView,
  sameKnowing,
  withActivation as withEach,
} from './endorsed.ts';
import type { Knowing } from './endorsed.ts';

const modulus = new Uint8Array(256).fill(0x80);
const certificate = new Uint8Array(10).fill(1);
const ek = sha256(endorsementArea(modulus));
const voucher = 'ab'.repeat(32);
const endorsement = toBase64Url(encodeEndorsement({ modulus, certificate }));
const ca: KnownBy = { by: 'ca', sha256: 'cd'.repeat(32), subject: 'CN=chïps' };
const knowing = (known: KnownBy): Knowing => ({
  judge: () => known,
  makeCredential: (_, name, secret) => ({
    credential: new Uint8Array(68).fill(name[33]!),
    seed: new Uint8Array(256).fill(secret[0]!),
  }),
});
/** Where one administrator is enough. */
const withActivation = (metadata: Metadata, of: string, by: Knowing): Metadata =>
  withEach(metadata, of, by, 1);
const activationOf = (changes: Partial<Activation> = {}): string =>
  toBase64Url(
    encodeActivation({
      ...{ ek, voucher: new Uint8Array(32).fill(0xab), answer: new Uint8Array(32) },
      ...{ credential: new Uint8Array(68), seed: new Uint8Array(256), known: ca },
      ...changes,
    }),
  );

it('what a bundle says of who knows its TPM comes back as it was said', () => {
  for (const known of [ca, { by: 'list' } as const]) {
    const made = withActivation({ endorsement, swap: 'zram' }, voucher, knowing(known));
    expect(made).toMatchObject({ endorsement, swap: 'zram' });
    expect(endorsementView(made, voucher)).toEqual({
      ...{ key: toHex(ek), certificate: 10, known, faults: [] },
    });
    const read = decodeActivation(fromBase64Url(made.activation!));
    expect(read.credential[0]).toBe(0xab);
    expect(activationFor(made, voucher)).toEqual(read);
  }
});

it('a secret stays as long as it is about the same TPM, known by the same', () => {
  const first = withActivation({ endorsement }, voucher, knowing(ca));
  expect(withActivation(first, voucher, knowing(ca))).toBe(first);
  expect(withActivation(first, voucher, knowing({ by: 'list' }))).not.toEqual(first);
  expect(withActivation(first, 'ba'.repeat(32), knowing(ca))).not.toEqual(first);
  const other = toBase64Url(
    encodeEndorsement({ modulus: new Uint8Array(256).fill(0x81), certificate }),
  );
  expect(withActivation({ ...first, endorsement: other }, voucher, knowing(ca))).not.toEqual(first);
  const broken = { ...first, activation: 'AAAA' };
  expect(activationFor(withActivation(broken, voucher, knowing(ca)), voucher)).toBeDefined();
});

it('a secret is a new one where several have to sign: who made the one of before could answer it', () => {
  const first = withActivation({ endorsement }, voucher, knowing(ca));
  const again = withEach(first, voucher, knowing(ca), 2);
  expect(activationFor(again, voucher)!.answer).not.toEqual(activationFor(first, voucher)!.answer);
});

it('who knows which TPM is compared, and not the secret', () => {
  const first = withActivation({ endorsement }, voucher, knowing(ca));
  const same = withActivation({ endorsement }, voucher, knowing(ca));
  expect(sameKnowing(first, same)).toBe(true);
  expect(sameKnowing({}, { endorsement })).toBe(true);
  const others = [
    withActivation({ endorsement }, voucher, knowing({ by: 'list' })),
    withActivation({ endorsement }, voucher, knowing({ ...ca, subject: 'CN=chips' })),
    withActivation({ endorsement }, 'ba'.repeat(32), knowing(ca)),
    { endorsement, activation: activationOf({ ek: new Uint8Array(32) }) },
    { endorsement },
  ];
  for (const other of others) expect(sameKnowing(first, other)).toBe(false);
});

it('what is said of another TPM, or of another key, counts for nothing', () => {
  const activation = activationOf();
  expect(endorsementView({ endorsement, activation }, voucher)).toMatchObject({ known: ca });
  for (const other of [undefined, 'ba'.repeat(32)]) {
    const { known, faults } = endorsementView({ endorsement, activation }, other)!;
    expect([known, faults]).toEqual([undefined, [{ code: 'other_tpm' }]]);
  }
  expect(activationFor({ endorsement, activation }, 'ba'.repeat(32))).toBeUndefined();
  expect(activationFor({ activation }, voucher)).toBeUndefined();
  const another = activationOf({ ek: new Uint8Array(32) });
  expect(activationFor({ endorsement, activation: another }, voucher)).toBeUndefined();
  expect(endorsementView({ endorsement, activation: another }, voucher)!.faults).toEqual([
    { code: 'other_tpm' },
  ]);
  expect(endorsementView({ activation }, voucher)!.faults).toEqual([{ code: 'other_tpm' }]);
});

it('what cannot be read is named, and never thrown', () => {
  const short = toBase64Url(new Uint8Array(255).fill(0xff));
  const small = toBase64Url(new Uint8Array(256));
  for (const bad of ['A', 'AAAA', short, small]) {
    expect(endorsementView({ endorsement: bad }, voucher)).toEqual({
      faults: [{ code: 'malformed' }],
    });
    const known = (): unknown => withActivation({ endorsement: bad }, voucher, knowing(ca));
    expect(codeFrom(known)).toBe('does_not_verify');
  }
  const whole = Buffer.from(activationOf(), 'base64url');
  const unnamed = whole.subarray(0, 3 * 32 + 68 + 256 + 1 + 32);
  const kind = Uint8Array.from(whole);
  kind[3 * 32 + 68 + 256] = 2;
  const list = Buffer.from(activationOf({ known: { by: 'list' } }), 'base64url');
  const long = Buffer.concat([unnamed, new Uint8Array(201).fill(0x41)]);
  const notText = Buffer.concat([unnamed, new Uint8Array(1).fill(0xff)]);
  const longer = Buffer.concat([list, new Uint8Array(1)]);
  for (const bytes of [unnamed, kind, long, notText, longer, list.subarray(0, -1)]) {
    const view = endorsementView({ endorsement, activation: toBase64Url(bytes) }, voucher)!;
    expect([view.known, view.faults]).toEqual([undefined, [{ code: 'malformed_activation' }]]);
  }
  expect(endorsementView({}, voucher)).toBeUndefined();
});

it('a bundle that names no endorsement key is left alone, and says what to do', () => {
  const known = (): unknown => withActivation({}, voucher, knowing(ca));
  expect(codeFrom(known)).toBe('not_found');
  expect(known).toThrow('coatcheck reconfigure');
});
