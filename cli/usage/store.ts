import { command } from './command.ts';

/** `coatcheck store copy` */
export const storeCopyCommand = command({
  usage: 'store copy <from> <to>',
  about:
    'copy all objects of a site to another store: a folder, s3://BUCKET or webdavs://HOST/PATH',
  options: [
    {
      name: 'from-endpoint',
      value: '<url>',
      about: 'of a bucket <from>: an S3 server other than AWS',
      example: '--from-endpoint http://10.0.0.5:9000',
    },
    {
      name: 'from-region',
      value: '<name>',
      about: 'of the bucket <from>',
      default: 'us-east-1',
      example: '--from-region eu-central-1',
    },
    {
      name: 'from-credentials',
      value: '<file>',
      about:
        'of a bucket <from>: its three S3 key pairs; of a WebDAV server: who we are there; a 0600 file',
      more: 'of a bucket `<from>`: its three S3 key pairs; of a WebDAV server: who we are there ([Credentials](#credentials)); a 0600 file',
      example: '--from-credentials s3.json',
    },
    {
      name: 'to-endpoint',
      value: '<url>',
      about: 'of a bucket <to>: an S3 server other than AWS',
      example: '--to-endpoint http://10.0.0.6:9000',
    },
    {
      name: 'to-region',
      value: '<name>',
      about: 'of the bucket <to>',
      default: 'us-east-1',
      example: '--to-region eu-west-1',
    },
    {
      name: 'to-credentials',
      value: '<file>',
      about:
        'of a bucket <to>: its three S3 key pairs; of a WebDAV server: who we are there; a 0600 file',
      more: 'of a bucket `<to>`: its three S3 key pairs; of a WebDAV server: who we are there ([Credentials](#credentials)); a 0600 file',
      example: '--to-credentials new.json',
    },
  ],
  examples: [
    'store copy store /backup/today',
    'store copy store s3://config --to-credentials s3.json',
  ],
  run: async (context, { from, to }, options) => {
    const { storeCopy } = await import('../commands/store.ts');
    await storeCopy(context, from, to, options);
  },
});

/** `coatcheck store verify` */
export const storeVerifyCommand = command({
  usage: 'store verify <store>',
  about: 'read every object of a store; a copy that is whole may be served then',
  options: [
    {
      name: 'endpoint',
      value: '<url>',
      about: 'of a bucket: an S3 server other than AWS',
      example: '--endpoint http://10.0.0.5:9000',
    },
    {
      name: 'region',
      value: '<name>',
      about: 'of the bucket',
      default: 'us-east-1',
      example: '--region eu-central-1',
    },
    {
      name: 'credentials',
      value: '<file>',
      about:
        'of a bucket: its three S3 key pairs; of a WebDAV server: who we are there; a 0600 file',
      more: 'of a bucket: its three S3 key pairs; of a WebDAV server: who we are there ([Credentials](#credentials)); a 0600 file',
      example: '--credentials s3.json',
    },
  ],
  examples: ['store verify /backup/today'],
  run: async (context, { store }, options) => {
    const { storeVerify } = await import('../commands/store.ts');
    await storeVerify(context, store, options);
  },
});
