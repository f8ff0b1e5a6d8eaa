import type { ObjectKey } from '../../protocol/keys.ts';
import type { Fault, HeldAnswer, HeldRequest } from './bad-store.ts';

const isPresigned = ({ url }: HeldRequest): boolean => url.includes('X-Amz-Signature=');
const isUnsigned = ({ url, headers }: HeldRequest): boolean =>
  !url.includes('X-Amz-') && headers['authorization'] === undefined;
const isListing = ({ method, url }: HeldRequest): boolean =>
  method === 'GET' && url.includes('list-type=2');

const isWrongBody = ({ status, body }: HeldAnswer): boolean =>
  status === 400 && /<Code>\w*(Digest|Checksum)/.test(body.toString());
/** What the doctor signs for has fewer bytes than this. */
const isWrongLength = (request: HeldRequest, { status }: HeldAnswer): boolean =>
  request.method === 'PUT' && isPresigned(request) && request.body.length > 40 && status === 403;

const page = (status: number, text: string, type: string): HeldAnswer => ({
  status,
  headers: { 'content-type': type, date: new Date().toUTCString() },
  body: Buffer.from(text),
});
const refuse = (status: number, code: string): HeldAnswer =>
  page(status, `<Error><Code>${code}</Code></Error>`, 'application/xml');

/** Every fault that a store was seen with, or that its S3 could have. */
export const FAULTS = {
  ignoresIfNoneMatch:
    () =>
    async (request, { honest, put }) => {
      const answer = await honest();
      const isRefused = answer.status === 412 && 'if-none-match' in request.headers;
      return isRefused ? put(request.key, request.body) : answer;
    },

  ignoresIfMatch:
    () =>
    async (request, { honest, put }) => {
      const answer = await honest();
      const isRefused = [404, 412].includes(answer.status) && 'if-match' in request.headers;
      return isRefused ? put(request.key, request.body) : answer;
    },

  /** Looks whether anything is there, and writes only then: at the first key, not until two looked. */
  checksThenWrites: () => {
    let first: ObjectKey | undefined;
    let looked = 0;
    const { promise: twoLooked, resolve } = withResolvers();
    return async (request, { honest, put, root }) => {
      const { key, body, headers } = request;
      if (!('if-none-match' in headers) || key !== (first ??= key)) return honest();
      const isFree = (await root.head(key)) === undefined;
      if (++looked === 2) resolve();
      await twoLooked;
      const answer = await honest();
      return answer.status === 412 && isFree ? put(key, body) : answer;
    };
  },

  /** Reads the claims of a presigned URL and believes them. */
  ignoresSignatures:
    () =>
    async (request, { honest, put, root }) => {
      const answer = await honest();
      const { method, key, body, headers } = request;
      if (!isPresigned(request) || answer.status === 412 || answer.status < 400) return answer;
      if ('x-amz-copy-source' in headers || answer.status === 404) return answer;
      if (method === 'DELETE') {
        await root.delete(key);
        return page(204, '', 'text/plain');
      }
      const heeded = ['if-none-match', 'x-amz-checksum-sha256', 'x-amz-sdk-checksum-algorithm'];
      const kept = Object.entries(headers).filter(([name]) => heeded.includes(name));
      return method === 'PUT' ? put(key, body, Object.fromEntries(kept)) : answer;
    },

  /** Lets anybody do anything who does not even pretend to be somebody. */
  isPublic:
    () =>
    async (request, { honest, put, root }) => {
      if (!isUnsigned(request)) return honest();
      if (request.method === 'PUT') return put(request.key, request.body);
      if (request.key === '') return page(200, '<ListBucketResult/>', 'application/xml');
      const object = await root.get(request.key, { maxBytes: 1024 });
      return object === undefined
        ? refuse(404, 'NoSuchKey')
        : page(200, Buffer.from(object.body).toString(), 'application/octet-stream');
    },

  /** Copies for whoever holds any presigned PUT, with rights that its signer does not have. */
  copiesForAnybody:
    () =>
    async (request, { honest, put, root, bucket }) => {
      const source = request.headers['x-amz-copy-source'];
      if (source === undefined) return honest();
      const key = source.replace(`/${bucket.name}/`, '') as ObjectKey;
      const object = await root.get(key, { maxBytes: 1024 });
      return object === undefined ? honest() : put(request.key, object.body);
    },

  forgetsTheChecksum:
    () =>
    async (request, { honest, put }) => {
      const answer = await honest();
      return isWrongBody(answer) ? put(request.key, request.body) : answer;
    },

  /** Takes a body of any length, and still compares the checksum. */
  forgetsTheLength:
    () =>
    async (request, { honest, put }) => {
      const answer = await honest();
      const sum = { 'x-amz-checksum-sha256': request.headers['x-amz-checksum-sha256']! };
      return isWrongLength(request, answer) ? put(request.key, request.body, sum) : answer;
    },

  forgetsLengthAndChecksum:
    () =>
    async (request, { honest, put }) => {
      const answer = await honest();
      return isWrongLength(request, answer) || isWrongBody(answer)
        ? put(request.key, request.body)
        : answer;
    },

  /** Never lists more than three keys, and says that these were all. */
  listsThreeKeys:
    () =>
    async (request, { honest }) => {
      const answer = await honest();
      if (!isListing(request)) return answer;
      let n = 0;
      const xml = answer.body.toString().replace(/<Contents>.*?<\/Contents>/gs, (entry) => {
        n++;
        return n > 3 ? '' : entry;
      });
      const cut = n > 3 ? xml.replace(/(<IsTruncated>)true/, '$1false') : xml;
      return { ...answer, body: Buffer.from(cut) };
    },

  /** Lists from a cache that no write goes through. */
  listsWhatWas: () => cached(isListing, ({ url }) => url),

  /** Gives an object that was written over a moment ago. */
  readsWhatWas: () =>
    cached(
      (r) => r.method === 'GET' && !isListing(r),
      ({ key }) => key,
    ),

  changesEtags:
    () =>
    async (request, { honest }) => {
      const answer = await honest();
      if (request.method !== 'PUT' || answer.status !== 200) return answer;
      return { ...answer, headers: { ...answer.headers, etag: '"another"' } };
    },

  isALoginPage: () => () =>
    Promise.resolve(page(200, '<html><body>Please log in</body></html>', 'text/html')),

  isAnHourAhead: () => skewed(3600),
  isAnHourBehind: () => skewed(-3600),
} satisfies Record<string, () => Fault>;

export type FaultName = keyof typeof FAULTS;

/** Answers what was true when it was asked first. */
function cached(
  isCached: (request: HeldRequest) => boolean,
  nameOf: (request: HeldRequest) => string,
): Fault {
  const seen = new Map<string, HeldAnswer>();
  return async (request, { honest }) => {
    const answer = await honest();
    // What is not there, or not allowed, is asked anew.
    if (!isCached(request) || answer.status !== 200) return answer;
    const name = nameOf(request);
    if (!seen.has(name)) seen.set(name, answer);
    return seen.get(name)!;
  };
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

/** A store that judges every date by its own clock. */
function skewed(seconds: number): Fault {
  return async (request, { honest }) => {
    const now = Date.now() + seconds * 1000;
    const answer = isInTime(request, now) ? await honest() : refuse(403, 'RequestTimeTooSkewed');
    return { ...answer, headers: { ...answer.headers, date: new Date(now).toUTCString() } };
  };
}

function isInTime({ url, headers }: HeldRequest, now: number): boolean {
  const query = new URL(url, 'http://x').searchParams;
  const text = query.get('X-Amz-Date') ?? headers['x-amz-date'] ?? '';
  const date = Date.parse(text.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'));
  const age = (now - date) / 1000;
  return age > -900 && age < Number(query.get('X-Amz-Expires') ?? 900);
}
