import { command } from './command.ts';
import { NO_PASSPHRASE } from './options.ts';

/** `coatcheck image keys` */
export const imageKeysCommand = command({
  usage: 'image keys',
  about: 'make the keys of Secure Boot: PK, KEK, and db, which signs images',
  options: [
    {
      name: 'from',
      value: '<folder>',
      about: 'take PK.key, PK.crt, KEK.key, KEK.crt, db.key and db.crt of this folder: PEM',
      more: 'take keys that were made elsewhere: `PK.key`, `PK.crt`, `KEK.key`, `KEK.crt`, `db.key` and `db.crt` of this folder, PEM, the keys of RSA and without a passphrase',
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
    const { imageKeys } = await import('../commands/image.ts');
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
  about: "look whether an image is signed by the site's db key",
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
  options: [
    {
      name: 'dbx',
      value: '<file>',
      about: 'what the firmware refuses: its list of signatures (.esl); default: nothing',
      example: 'image policy coatcheck.efi --dbx dbx.esl',
    },
  ],
  examples: ['image policy coatcheck-image/coatcheck.efi'],
  run: async (context, { file }, options) => {
    const { imagePolicy } = await import('../commands/image.ts');
    await imagePolicy(context, file, options);
  },
});
