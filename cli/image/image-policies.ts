import { X509Certificate } from 'node:crypto';
import { fail } from '../../protocol/errors.ts';
import { equalBytes } from '../../bundle/index.ts';
import { keyId, registersPolicy } from '../../protocol/measured.ts';
import type { ImageClaim, PcrKey } from '../../protocol/measured.ts';
import { replayed } from '../../protocol/measured-events.ts';
import type { MeasuredEvent } from '../../protocol/measured-events.ts';
import { formatPolicies, MAX_POLICY_FILE_BYTES, parsePolicies } from '../../protocol/policies.ts';
import type { PolicyFile } from '../../protocol/policies.ts';
import { imageRegister, secureBootEvents } from './measured.ts';
import { sectionsOf } from './sections.ts';
import { arePoliciesOf, pemOfPcrKey, signPolicies } from './sign-policies.ts';
import { authorityIn } from './signature-lists.ts';
import type { FirmwareState } from './signature-lists.ts';

/** Sections of an image: the public half of the key that signs policies, and what it signed. */
export const [PUBLIC_KEY, POLICIES] = ['.pcrpkey', '.pcrsig'] as const;

const NOTHING = new Uint8Array(32);

/** What PCR 7, 11, 12 and 13 hold once a firmware started an image: 32 bytes each. */
export function foreseenRegisters(
  image: Buffer,
  path: string,
  state: FirmwareState,
  /** That signed it, PEM */
  certificate: string,
): [Uint8Array, Uint8Array, Uint8Array, Uint8Array] {
  const [secureBoot] = replayed(foreseenEvents(state, certificate)) as [Uint8Array];
  return [secureBoot, imageRegister(image, path), NOTHING, NOTHING];
}

/** What PCR 7 is made of then. @param certificate that signed the image, PEM */
export function foreseenEvents(state: FirmwareState, certificate: string): MeasuredEvent[] {
  const { raw } = new X509Certificate(certificate);
  const db = state.folder === undefined ? "the site's db" : `db of ${state.folder}`;
  return secureBootEvents(state, authorityIn(state.db, raw, db));
}

/** What an image is signed with, and for. */
export interface Signing {
  /** Those that sign: the public half, and the private one in PEM */
  readonly keys: readonly { readonly key: PcrKey; readonly pem: Uint8Array }[];
  readonly states: readonly FirmwareState[];
  readonly generation: number;
  /** That signs the image, PEM */
  readonly certificate: string;
}

/**
 * Whether the agent uses what a machine's TPM keeps for such images, and so shuts it at the end of a start: by the command line
 * that the image is signed with. Of any other image whoever is root there would have it (docs/adr/0315).
 * @param path of the image, for messages
 * @throws file_malformed
 */
export function usesTpm(image: Buffer, path: string): boolean {
  const line = sectionsOf(image, path).get('.cmdline')?.content.toString('latin1') ?? '';
  const words = line.split(/[\s\0]+/).map((word) => word.replace(/^ovirt_/, ''));
  // As the agent does: the last one counts.
  const said = (name: string): string | undefined =>
    words.findLast((word) => word.split('=')[0] === name);
  return (
    said('stateless') === 'stateless' &&
    said('rescue') === undefined &&
    ['coatcheck.key', 'coatcheck.memory'].some((name) => said(name) === `${name}=tpm`)
  );
}

/**
 * What an image has to bring along, so that a machine's TPM opens its key for it.
 * @param path of the image, for messages
 * @returns the content of its section {@link POLICIES}; undefined for an image that has no use for them ({@link usesTpm})
 * @throws file_malformed for an image that was built with another site.json, has no version, or has policies; usage for too many states
 */
export function policiesFor(image: Buffer, path: string, signing: Signing): string | undefined {
  const { keys, states, generation, certificate } = signing;
  demandBuiltFor(image, path, keys[0]!.key);
  if (!usesTpm(image, path)) return undefined;
  const claim: ImageClaim = { version: versionOf(image, path), generation };
  const policies = states.flatMap((state) => {
    const registers = registersPolicy(foreseenRegisters(image, path, state, certificate));
    return keys.map(({ pem }) => signPolicies(pem, registers, claim));
  });
  const text = formatPolicies({ image: claim, policies });
  if (text.length <= MAX_POLICY_FILE_BYTES) return text;
  throw fail(
    'usage',
    `policies for ${states.length} states of firmware are ${text.length} bytes, and an image has at most ${MAX_POLICY_FILE_BYTES}: sign it for fewer`,
  );
}

/** @throws file_malformed for an image whose machines believe another key, or none */
function demandBuiltFor(image: Buffer, path: string, key: PcrKey): void {
  // That it is an image at all is said first.
  imageRegister(image, path);
  const parts = sectionsOf(image, path);
  if (parts.has(POLICIES)) {
    throw fail(
      'file_malformed',
      `${path} has policies already: sign what npm run image -- --uki made`,
    );
  }
  const has = parts.get(PUBLIC_KEY)?.content.toString();
  if (has === pemOfPcrKey(key)) return;
  throw fail(
    'file_malformed',
    `${path} was built with a site.json that names ${has === undefined ? 'no key' : 'another key'} for policies: build it anew with the one that is there now (npm run image -- --uki)`,
  );
}

/** That an image was built for a site whose machines' keys are bound to no image. @throws file_malformed */
export function demandUnbound(image: Buffer, path: string): void {
  if (!sectionsOf(image, path).has(PUBLIC_KEY)) return;
  throw fail(
    'file_malformed',
    `${path} was built with a site.json that names a key for policies, and the one here names none: its machines would get no key. Take the site.json that it was built with`,
  );
}

/** IMAGE_VERSION of os-release(5). */
function versionOf(image: Buffer, path: string): string {
  const release = sectionsOf(image, path).get('.osrel')?.content.toString('latin1') ?? '';
  const [, version] = /^IMAGE_VERSION=["']?([ -~]{1,64}?)["']?$/m.exec(release) ?? [];
  if (version !== undefined) return version;
  throw fail(
    'file_malformed',
    `${path} does not say its version: its section .osrel has no IMAGE_VERSION of 1 to 64 printable characters`,
  );
}

/**
 * The policies that an image brings along, each of which verifies; undefined where it brings none.
 * @param keys that count
 * @throws file_malformed; does_not_verify
 */
export function readPolicies(
  image: Buffer,
  path: string,
  keys: readonly PcrKey[],
): PolicyFile | undefined {
  const section = sectionsOf(image, path).get(POLICIES);
  if (section === undefined) return undefined;
  const file = parsePolicies(section.content.toString(), `${POLICIES} of ${path}`);
  for (const policies of file.policies) {
    const key = keys.find((one) => keyId(one) === policies.key);
    if (key === undefined) {
      throw fail(
        'does_not_verify',
        `${path} has policies of ${policies.key}, no key of the site now: sign what it was made of again`,
      );
    }
    if (!arePoliciesOf(policies, key, file.image)) {
      throw fail('does_not_verify', `${path} has policies that ${policies.key} did not sign`);
    }
  }
  return file;
}

/**
 * That an image became what it was signed for.
 * @throws does_not_verify
 */
export function demandPolicies(
  image: Buffer,
  path: string,
  { keys, states, certificate }: Signing,
): void {
  const file = readPolicies(
    image,
    path,
    keys.map(({ key }) => key),
  );
  for (const state of states) {
    const registers = foreseenRegisters(image, path, state, certificate);
    if (signersFor(file, registers).length === keys.length) continue;
    throw fail('does_not_verify', `${path} measures otherwise with its policies than without`);
  }
}

/** The keys that signed policies for a state of the registers, by name. */
export const signersFor = (
  file: PolicyFile | undefined,
  registers: readonly Uint8Array[],
): string[] => {
  const policy = registersPolicy(registers);
  return (file?.policies ?? [])
    .filter((one) => equalBytes(one.registers, policy))
    .map(({ key }) => key);
};
