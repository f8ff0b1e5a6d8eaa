import { httpDate } from './http-date.ts';
/** What is read of an answer. */
interface Head {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
}

/** Longer than this nobody is left alone because somebody asks for it. */
export const MAX_RETRY_AFTER_SECONDS = 300;

/** Whether an answer leads elsewhere. Nobody follows it: what is signed is for one address. */
export const isRedirect = (status: number): boolean => status >= 300 && status <= 399;

/** What is between us and whoever was asked (a proxy, a portal, a balancer) answered, or may have. */
export function isOfTheWay(status: number): boolean {
  return isRedirect(status) || [407, 429, 502, 503, 504].includes(status);
}

/**
 * What an answer means that need not be of whoever was asked, after "it answered <status>"; and how
 * long it asks to be left alone, seconds (`Retry-After`, RFC 9110), at most
 * {@link MAX_RETRY_AFTER_SECONDS}.
 * @param now Unix milliseconds: by which clock a date in it is judged where the answer has none
 */
export function onTheWay(
  { status, headers }: Head,
  now = Date.now(),
): { says?: string; retryAfter?: number } {
  const says = isOfTheWay(status) ? meaningOf(status, headers.get('location')) : undefined;
  const retryAfter = [429, 503].includes(status)
    ? secondsOf(headers.get('retry-after'), httpDate(headers.get('date')) ?? now / 1000)
    : undefined;
  return { ...(says !== undefined && { says }), ...(retryAfter !== undefined && { retryAfter }) };
}

const MEANINGS: Readonly<Record<number, string>> = {
  407: 'since a proxy on the way wants a log-in',
  429: 'since it was asked too often',
  502: 'for a proxy in front of it, which gets no good answer from it',
  503: 'since it cannot serve for now',
  504: 'for a proxy in front of it, which gets no answer from it',
};

function meaningOf(status: number, location: string | null): string {
  const meaning = MEANINGS[status];
  if (meaning !== undefined) return meaning;
  // Not all of it: it may hold a signature.
  const to = location !== null && URL.canParse(location) ? new URL(location).origin : undefined;
  const where = to === undefined || to === 'null' ? '' : ` to ${to}`;
  return `and redirects${where}, which is not followed: is this its address?`;
}

function secondsOf(text: string | null, now: number): number | undefined {
  if (text === null) return undefined;
  const date = httpDate(text);
  const until = date === undefined ? undefined : date - now;
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : until;
  if (seconds === undefined) return undefined;
  return Math.max(0, Math.min(Math.ceil(seconds), MAX_RETRY_AFTER_SECONDS));
}

/** What was done to the bytes of an answer, by its own word; undefined where nothing was. */
export function encodingOf({ headers }: Pick<Head, 'headers'>): string | undefined {
  const encoding = headers.get('content-encoding')?.trim().slice(0, 64);
  return encoding === undefined || /^(identity|aws-chunked)?$/i.test(encoding)
    ? undefined
    : encoding;
}
