import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { html } from 'hono/html';
import { toBase32 } from '../bundle/base64.ts';
import { EnterScreen } from './page/enter.tsx';

/** How long a code is good, seconds. */
export const CODE_SECONDS = 60;

const COOKIE = 'coatcheck';

const STYLE = '/assets/style.css';

/** The name of the form field, and of the header, that carries a token. */
export const TOKEN_FIELD = 'token';

/**
 * Who may drive the page: a browser that brought a code once, and only from the page itself.
 *
 * The page has a name of its own (`<random>.localhost`), so that no other page on this machine shares
 * its origin or its cookies, and a name that somebody else points here (DNS rebinding) is refused. A
 * code is good once and within {@link CODE_SECONDS}; what it is changed for is a cookie that scripts
 * cannot read and no other site sends. Every change wants a token as well, which only a page that was
 * given to this browser has, for that path alone.
 */
export interface Gate {
  /** `<random>.localhost`, without a port */
  readonly host: string;
  /** A new code, 43 characters. Those before it are good no more. */
  newCode(): string;
  /** Refuses every request that is not from a browser that came in. Goes before all else. */
  readonly check: MiddlewareHandler;
  /** Takes a code, and answers with the cookie; 403 for one that is not good. */
  enter(context: Context): Promise<Response>;
  /** The token of the change at `path`, for the browser of this request. */
  tokenFor(context: Context, path: string): string;
}

/**
 * A gate before an app that is reached as `http://<host>:<port>`.
 * @param port known once something listens
 * @param now unix seconds
 */
export function createGate(port: () => number, now: () => number): Gate {
  const host = `${toBase32(randomBytes(10))}.localhost`;
  const authority = (): string => `${host}:${port()}`;
  let code: { readonly hash: Buffer; readonly until: number } | undefined;
  /** of the cookies of browsers that came in */
  const cookies = new Map<string, Buffer>();

  const keyOf = (context: Context): Buffer | undefined => {
    const cookie = getCookie(context, COOKIE);
    return cookie === undefined ? undefined : cookies.get(hashOf(cookie).toString('hex'));
  };
  const tokenWith = (key: Buffer, path: string): string =>
    createHmac('sha256', key).update(path).digest('base64url');

  return {
    host,
    newCode: () => {
      const text = randomBytes(32).toString('base64url');
      code = { hash: hashOf(text), until: now() + CODE_SECONDS };
      return text;
    },
    check: async (context, next) => {
      const { req } = context;
      if (req.header('host') !== authority()) return refuse(context, 'another name than its own');
      const isEntry = req.path === '/enter';
      if (isEntry) return next();
      const site = req.header('sec-fetch-site');
      if (site !== undefined && site !== 'same-origin' && site !== 'none')
        return refuse(context, 'asked for by another page');
      // What it takes to look as it should, and nothing of the site.
      if (req.path === STYLE && req.method === 'GET') return next();
      const key = keyOf(context);
      if (key === undefined) return context.redirect('/enter', 303);
      if (req.method === 'GET' || req.method === 'HEAD') return next();
      if (req.header('origin') !== `http://${authority()}`)
        return refuse(context, 'sent by another page');
      const sent = req.header(`x-${TOKEN_FIELD}`) ?? (await formToken(context));
      if (!isSame(sent, tokenWith(key, req.path)))
        return refuse(context, 'sent without the token of its page: load the page again');
      return next();
    },
    enter: async (context) => {
      const form = await context.req.parseBody();
      const given = typeof form['code'] === 'string' ? form['code'].trim() : '';
      const wanted = code;
      const isGood =
        wanted !== undefined && now() < wanted.until && timingSafeEqual(hashOf(given), wanted.hash);
      if (!isGood) {
        const again = EnterScreen({ problem: 'This code is used, too old, or another.' });
        return context.html(html`<!doctype html>${again}`, 403);
      }
      code = undefined;
      const cookie = randomBytes(32).toString('base64url');
      cookies.set(hashOf(cookie).toString('hex'), randomBytes(32));
      setCookie(context, COOKIE, cookie, { httpOnly: true, sameSite: 'Strict', path: '/' });
      // A redirect would still count as sent by the file that posted the code, and go without the cookie.
      return context.html(
        '<!doctype html><meta http-equiv="refresh" content="0;url=/"><title>coatcheck</title>',
      );
    },
    tokenFor: (context, path) => {
      const key = keyOf(context);
      return key === undefined ? '' : tokenWith(key, path);
    },
  };
}

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();

function isSame(sent: string | undefined, wanted: string): boolean {
  return sent !== undefined && timingSafeEqual(hashOf(sent), hashOf(wanted));
}

async function formToken(context: Context): Promise<string | undefined> {
  const token = (await context.req.parseBody())[TOKEN_FIELD];
  return typeof token === 'string' ? token : undefined;
}

const refuse = (context: Context, why: string): Response => context.text(`refused: ${why}\n`, 403);
