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
  ],
  examples: ['image keys'],
  run: async (context, _, options) => {
    const { imageKeys } = await import('../commands/image-keys.ts');
    await imageKeys(context, options);
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
