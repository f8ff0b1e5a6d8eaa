/**
 * The options of `serve` and `doctor` that say where the objects are, as rows of the command line's table
 * (`usage/table.ts`): what `StoreFlags` is read from.
 */
export const STORE_OPTIONS = [
  {
    name: 'store',
    value: '<place>',
    about: 'a folder, s3://BUCKET or webdavs://HOST/PATH; default: store/ in --home',
    more: 'a folder, `s3://BUCKET`, or `webdavs://HOST/PATH`, a collection of a WebDAV server (`webdav://` without TLS); default: `store/` in `--home`',
    example: '--store s3://config',
  },
  {
    name: 'endpoint',
    value: '<url>',
    about: 'an S3 server other than AWS, as this machine reaches it',
    example: '--endpoint http://10.0.0.5:9000',
  },
  {
    name: 'public-endpoint',
    value: '<url>',
    about: 'the same server as nodes reach it; default: --endpoint',
    more: 'the same server as nodes reach it, which URLs are signed for; default: `--endpoint`',
    example: '--public-endpoint https://s3.lan',
  },
  {
    name: 'region',
    value: '<name>',
    about: 'of the bucket',
    default: 'us-east-1',
    example: '--region eu-central-1',
  },
  {
    name: 'dual-stack',
    about: 'of AWS: reach the bucket by IPv4 and IPv6',
    more: 'of AWS: addresses of IPv4 and IPv6, for this machine and in the URLs that nodes are given',
    example: '--dual-stack',
  },
  {
    name: 'credentials',
    value: '<file>',
    about: 'a 0600 file: the three S3 key pairs, or who we are to a WebDAV server',
    more: 'the three S3 key pairs, needed for `s3://`, or who we are to a WebDAV server ([Credentials](#credentials))',
    example: '--credentials s3.json',
  },
] as const;
