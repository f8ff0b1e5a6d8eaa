import { fail } from '../../protocol/errors.ts';
import type { Option } from '../../usage/table.ts';
import { command } from './command.ts';
import { NO_PASSPHRASE } from './options.ts';

/** Of what is about what a TPM holds: the states of firmware that are meant. */
const FIRMWARE = {
  name: 'firmware',
  value: '<folder>',
  repeatable: true,
  about:
    'a firmware with PK.esl, KEK.esl, db.esl, dbx.esl of this folder, as far as they are there',
  more: "a state of firmware: a folder with any of `PK.esl`, `KEK.esl`, `db.esl` and `dbx.esl`, as it has them or will have them. What is not there is the site's; of dbx: none. Default: the site's own lists, which are also in the folder `image-keys`",
  example: 'image sign coatcheck.unsigned.efi coatcheck.efi --firmware image-keys --firmware next',
} as const satisfies Option;

/** `coatcheck image keys` */
export const imageKeysCommand = command({
  usage: 'image keys',
  about:
    'make the keys of Secure Boot: PK, KEK, and db, which signs images; and PCR, which signs policies',
  options: [
    {
      name: 'from',
      value: '<folder>',
      about:
        'take PK.key, PK.crt, KEK.key, KEK.crt, db.key, db.crt and PCR.key of this folder: PEM',
      more: 'take keys that were made elsewhere: `PK.key`, `PK.crt`, `KEK.key`, `KEK.crt`, `db.key`, `db.crt` and `PCR.key` of this folder, PEM, the keys of RSA and without a passphrase; `PCR.key` alone where `image-keys` has the others',
      example: 'image keys --from ~/lab-keys',
    },
    {
      ...NO_PASSPHRASE,
      about: 'keep the image keys in the clear',
      example: 'image keys --no-passphrase',
    },
    {
      name: 'rotate',
      about: 'make another key for policies, and keep the one before until --end-rotation',
      more: "make another key that signs policies, beside the one that machines are bound to, which is kept until `--end-rotation` ([trust.md](trust.md#another-pcr-key)); with `--from` take that folder's `PCR.key`",
      excludes: ['end-rotation', 'leave-behind'],
      example: 'image keys --rotate',
    },
    {
      name: 'end-rotation',
      about: 'drop the key for policies before, once no configuration is in force by it',
      excludes: ['from', 'no-passphrase'],
      example: 'image keys --end-rotation',
    },
    {
      name: 'leave-behind',
      value: '<count>',
      about: 'with --end-rotation: so many machines are given up that still have one',
      example: 'image keys --end-rotation --leave-behind 2',
    },
  ],
  examples: ['image keys', 'image keys --rotate'],
  run: async (context, _, options) => {
    const { endRotation, rotate, leaveBehind } = options;
    if (leaveBehind !== undefined && !endRotation)
      throw fail('usage', '--leave-behind goes with --end-rotation');
    if (endRotation || rotate) {
      const to = await import('../commands/image-rotate.ts');
      return endRotation ? to.endRotation(context, options) : to.rotatePcrKey(context, options);
    }
    const { imageKeys } = await import('../commands/image-keys.ts');
    return imageKeys(context, options);
  },
});

/** `coatcheck image sign` */
export const imageSignCommand = command({
  usage: 'image sign <file> <signed>',
  about: 'sign an image in one file, so that machines with our db certificate start it',
  options: [
    {
      name: 'iso',
      value: '<file>',
      about: 'make a disc of it too, which UEFI boots from a drive or a stick',
      example: 'image sign coatcheck.unsigned.efi coatcheck.efi --iso coatcheck.iso',
    },
    {
      name: 'generation',
      value: '<number>',
      about: 'of the image, 1 to 65535; default: the one that image-keys/generation names, or 1',
      more: 'of the image, 1 to 65535: older generations can be revoked. Default: the one that `image-keys/generation` names, or 1',
      example: 'image sign coatcheck.unsigned.efi coatcheck.efi --generation 2',
    },
    FIRMWARE,
    {
      name: 'policies-only',
      about: 'add the policies alone: somebody else signs it, by a key in a token',
      excludes: ['iso'],
      example: 'image sign --policies-only coatcheck.unsigned.efi policies.efi',
    },
  ],
  examples: ['image sign coatcheck-image/coatcheck.unsigned.efi coatcheck-image/coatcheck.efi'],
  run: async (context, { file, signed }, options) => {
    const { imageSign } = await import('../commands/image.ts');
    await imageSign(context, file, signed, options);
  },
});

/** `coatcheck image verify` */
export const imageVerifyCommand = command({
  usage: 'image verify <file>',
  about: "look whether an image is signed by the site's keys",
  examples: ['image verify coatcheck-image/coatcheck.efi'],
  run: async (context, { file }) => {
    const { imageVerify } = await import('../commands/image.ts');
    await imageVerify(context, file);
  },
});

/** `coatcheck image policy` */
export const imagePolicyCommand = command({
  usage: 'image policy <file>',
  about: 'tell what the TPM of a machine holds once it has started a signed image',
  options: [FIRMWARE],
  examples: ['image policy coatcheck-image/coatcheck.efi'],
  run: async (context, { file }, options) => {
    const { imagePolicy } = await import('../commands/image.ts');
    await imagePolicy(context, file, options);
  },
});
