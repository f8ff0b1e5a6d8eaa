import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { showPath } from '../../bundle/errors.ts';
import { toHex } from '../../bundle/index.ts';
import { readLocalFile } from '../../files/read.ts';
import { textIn } from '../../files/text.ts';
import { exists } from '../../files/write.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import { MAX_GENERATION, pcrKeysOf, REGISTERS } from '../../protocol/measured.ts';
import { eventText } from '../../protocol/measured-events.ts';
import type { PcrKey } from '../../protocol/measured.ts';
import type { PolicyFile } from '../../protocol/policies.ts';
import { ownPassphrase } from '../context.ts';
import type { Context } from '../context.ts';
import { parseGeneration, readGeneration } from '../image/generation.ts';
import { IMAGE_KEYS, openImageKey } from '../image/image-keys.ts';
import type { ImageKey } from '../image/image-keys.ts';
import {
  demandPolicies,
  demandUnbound,
  foreseenEvents,
  foreseenRegisters,
  POLICIES,
  policiesFor,
  readPolicies,
  signersFor,
  usesTpm,
} from '../image/image-policies.ts';
import type { Signing } from '../image/image-policies.ts';
import { openPcrKey, pcrKeysIn } from '../image/pcr-keys.ts';
import { addToImage, signImage, verifySigned } from '../image/sign-image.ts';
import type { Added } from '../image/sign-image.ts';
import { firmwareStates } from '../image/signature-lists.ts';
import { readSite } from '../site-file.ts';

/** What `coatcheck image sign` was told. */
export interface ImageSignOptions {
  /** File of a disc that is made of it */
  readonly iso?: string;
  /** A number */
  readonly generation?: string;
  /** Folders, each with lists of a firmware */
  readonly firmware: readonly string[];
  /** Whether somebody else signs it for Secure Boot */
  readonly policiesOnly: boolean;
}

/**
 * `coatcheck image sign FILE SIGNED`: for Secure Boot, by the site's db key; with policies in it, where the site has a key
 * for them.
 */
export async function imageSign(
  context: Context,
  image: string,
  signed: string,
  { iso, policiesOnly, ...options }: ImageSignOptions,
): Promise<void> {
  const { terminal, home } = context;
  const to = { signed: resolve(signed), ...(iso !== undefined && { iso: resolve(iso) }) };
  if (resolve(image) === to.signed) {
    throw fail('usage', `${showPath(image)} stays as it is: name another file for the signed one`);
  }
  let asked: Promise<string> | undefined;
  const passphrase = (): Promise<string> => (asked ??= ownPassphrase(context, IMAGE_KEYS));
  const key = policiesOnly ? undefined : await imageKey(context, passphrase);
  const signing = await signingOf(context, options, passphrase);
  const made = { isBound: false };
  const policies =
    signing &&
    ((program: Buffer): Added | undefined => {
      const content = policiesFor(program, image, signing);
      if (content === undefined) {
        if (options.generation === undefined && options.firmware.length === 0) return undefined;
        throw fail('usage', `${ABOUT_POLICIES}, and ${showPath(image)} gets none: ${NO_USE}`);
      }
      made.isBound = true;
      const check = (whole: Buffer): void => {
        demandPolicies(whole, to.signed, signing);
      };
      return { name: POLICIES, content, check };
    });
  const signingBy = (act: () => Promise<void>): Promise<void> =>
    terminal.waiting('signing', () => naming(image, act));
  if (key !== undefined) {
    const none = (program: Buffer): undefined => {
      demandUnbound(program, image);
    };
    await signingBy(() => signImage(image, key, to, policies ?? none));
  } else if (policies !== undefined) {
    await signingBy(() =>
      addToImage(image, to.signed, (program) => policies(program) ?? noneToAdd()),
    );
  } else {
    throw fail(
      'usage',
      `--policies-only: ${home.siteFile} names no key for policies, so there are none to add`,
    );
  }
  const about = made.isBound
    ? { generation: signing!.generation, states: signing!.states.length }
    : undefined;
  const { signed: file, ...disc } = to;
  terminal.document(
    policiesOnly
      ? { unsigned: file, ...about }
      : { signed: file, ...disc, certificate: home.imageCertificate, ...about },
  );
  const besides = iso === undefined ? '' : `, and made ${iso} of it`;
  terminal.print(
    policiesOnly ? `made ${signed}, which is not signed` : `signed ${signed}${besides}`,
  );
  if (signing !== undefined && about === undefined) terminal.print(`without policies: ${NO_USE}`);
  if (about === undefined) return;
  const states = about.states === 1 ? 'one state' : `${about.states} states`;
  terminal.print(`generation ${about.generation}, with policies for ${states} of firmware`);
  const newest = await readGeneration(home.imageKeys);
  if (about.generation >= newest) return;
  terminal.warn(
    `images are signed with generation ${newest} now: no machine on which those before it are revoked gets its key in this one`,
  );
}

const ABOUT_POLICIES = '--generation and --firmware are about policies';

/** Why an image has none, where its site has a key for them. */
const NO_USE =
  'its command line does not have the agent use the TPM (stateless, and coatcheck.key=tpm or coatcheck.memory=tpm, without rescue), so the TPM opens nothing for it';

function noneToAdd(): never {
  throw fail('usage', `--policies-only: there are none to add: ${NO_USE}`);
}

async function imageKey({ home }: Context, passphrase: () => Promise<string>): Promise<ImageKey> {
  try {
    return await openImageKey('db', home.imageKeys, passphrase);
  } catch (error) {
    if (!hasCode(error, 'file_missing')) throw error;
    throw fail(
      'file_missing',
      `${home.imageKeys} has no db.key and db.crt: ${home.program} image keys makes them`,
    );
  }
}

/** No certificate of a key of RSA has more. */
const MAX_CERTIFICATE_BYTES = 16 * 1024;

/** Undefined where the site has no key for policies. @throws usage for what is for such a site alone */
async function signingOf(
  context: Context,
  { generation, firmware }: Pick<ImageSignOptions, 'generation' | 'firmware'>,
  passphrase: () => Promise<string>,
): Promise<Signing | undefined> {
  const { home } = context;
  const { imageKeys, imageCertificate } = home;
  const site = await readSite(home);
  if (site.pcrKeys === undefined) {
    if (generation === undefined && firmware.length === 0) return undefined;
    throw fail(
      'usage',
      `${ABOUT_POLICIES}, and ${home.siteFile} names no key for them: ${home.program} image keys makes one`,
    );
  }
  const given = generation === undefined ? undefined : parseGeneration(generation);
  if (generation !== undefined && given === undefined) {
    throw fail('usage', `--generation is a number from 1 to ${MAX_GENERATION}`);
  }
  const files = await pcrKeysIn(imageKeys, site);
  const keys: { key: PcrKey; pem: Uint8Array }[] = [];
  for (const file of files) keys.push({ key: file.key, pem: await openPcrKey(file, passphrase) });
  return {
    keys,
    states: await firmwareStates(imageKeys, firmware),
    generation: given ?? (await readGeneration(imageKeys)),
    certificate: textIn(
      await readLocalFile(imageCertificate, { maxBytes: MAX_CERTIFICATE_BYTES }),
      imageCertificate,
    ),
  };
}

/** `coatcheck image verify FILE`: whether a firmware that has the site's db certificate starts it, and its policies are the site's. */
export async function imageVerify(context: Context, file: string): Promise<void> {
  const { terminal, home } = context;
  await demandSigned(context, file);
  const policies = await policiesOf(context, file);
  const document = { file: resolve(file), certificate: home.imageCertificate };
  terminal.document({ ...document, ...(policies && { image: policies.image }) });
  terminal.print(`${file} is signed by the key of ${home.imageCertificate}`);
  if (policies === undefined) return;
  const { version, generation } = policies.image;
  terminal.print(`version ${version}, generation ${generation}, with policies that verify`);
}

async function demandSigned({ home }: Context, file: string): Promise<void> {
  if (!(await exists(home.imageCertificate))) {
    throw fail(
      'file_missing',
      `${home.imageCertificate} does not exist: ${home.program} image keys makes it`,
    );
  }
  await naming(file, () => verifySigned(file, home.imageCertificate));
}

/** @throws does_not_verify, also where the site has a key for policies and the image none of it */
async function policiesOf({ home }: Context, file: string): Promise<PolicyFile | undefined> {
  const site = await readSite(home);
  const image = await readFile(file);
  const policies = readPolicies(image, file, pcrKeysOf(site));
  if (policies !== undefined || site.pcrKeys === undefined || !usesTpm(image, file))
    return policies;
  throw fail(
    'does_not_verify',
    `${file} has no policies, and ${home.siteFile} names a key for them: build it anew, and sign it with ${home.program} image sign`,
  );
}

/** What `coatcheck image policy` was told. */
export interface ImagePolicyOptions {
  /** Folders, each with lists of a firmware */
  readonly firmware: readonly string[];
}

/** What each register is about. */
const ABOUT = [
  'Secure Boot: PK, KEK, db and dbx',
  'kernel, initramfs, command line',
  'another command line, credentials beside the image',
  'extensions beside the image',
] as const;

/** `coatcheck image policy FILE`: what a TPM holds once a firmware started it, and whether it opens the machine's key then. */
export async function imagePolicy(
  context: Context,
  file: string,
  { firmware }: ImagePolicyOptions,
): Promise<void> {
  const { terminal, home } = context;
  await demandSigned(context, file);
  const [image, certificate] = [
    await readFile(file),
    await readFile(home.imageCertificate, 'utf8'),
  ];
  const states = await firmwareStates(home.imageKeys, firmware);
  const site = await readSite(home);
  const policies = readPolicies(image, file, pcrKeysOf(site));
  const isBound = policies !== undefined || site.pcrKeys !== undefined;
  const shown = states.map((state) => {
    const registers = foreseenRegisters(image, file, state, certificate);
    const events = foreseenEvents(state, certificate);
    const keys = isBound ? signersFor(policies, registers) : undefined;
    return { folder: state.folder, registers, events, keys };
  });
  terminal.document({
    file: resolve(file),
    ...(policies && { image: policies.image }),
    firmware: shown.map(({ folder, registers, events, keys }) => ({
      ...(folder !== undefined && { folder: resolve(folder) }),
      pcrs: Object.fromEntries(REGISTERS.map((pcr, i) => [pcr, toHex(registers[i]!)])),
      secureBoot: events.map(({ name, digest }) => ({ name, digest: toHex(digest) })),
      ...(keys && { keys }),
    })),
  });
  if (policies !== undefined) {
    const { version, generation } = policies.image;
    terminal.print(`version ${version}, generation ${generation}`);
  }
  for (const { folder, registers, events, keys } of shown) {
    if (folder !== undefined) terminal.print(`a firmware with the lists of ${folder}:`);
    for (const [i, value] of registers.entries()) {
      terminal.print(`${String(REGISTERS[i]).padStart(2)}  ${toHex(value)}  ${ABOUT[i]!}`);
    }
    terminal.print(`    in PCR 7: ${events.map(eventText).join(', ')}`);
    if (keys === undefined) continue;
    terminal.print(
      keys.length > 0
        ? '    signed for: a TPM that holds these opens the key of its machine'
        : '    not signed for: a machine with these gets no key',
    );
  }
  terminal.hint(
    'a change of PK, KEK, db or dbx makes PCR 7 another, an update of the firmware alone none of them (docs/trust.md)',
  );
}

/** That the file is there is said before a program says so in its own words. */
async function naming<T>(path: string, work: () => Promise<T>): Promise<T> {
  if (!(await exists(path))) throw fail('file_missing', `${showPath(path)} does not exist`);
  return work();
}
