import type { RequestListener } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '../bundle/bytes.ts';
import { codeOf } from '../protocol/errors.ts';
import { approvedKey, parseNodeId } from '../protocol/keys.ts';
import { serveHttp } from '../tests/support/http-servers.ts';
import type { TestServer } from '../tests/support/http-servers.ts';
import type { ObjectStore } from './port.ts';
import { createWebdavClient } from './webdav-client.ts';
import { parseEntries } from './webdav-entries.ts';
import { createWebdavStore } from './webdav.ts';

const KEY = approvedKey(parseNodeId('a'.repeat(32)));

const response = (href: string, inside: string): string =>
  `<D:response><D:href>${href}</D:href><D:propstat><D:prop>${inside}</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>`;
const folder = (href: string): string =>
  response(href, '<D:resourcetype><D:collection/></D:resourcetype>');
const file = (href: string, more = ''): string =>
  response(href, `<D:resourcetype/><D:getcontentlength>3</D:getcontentlength>${more}`);
const listing = (...inside: string[]): string =>
  `<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">${inside.join('')}</D:multistatus>`;

describe('a WebDAV server that nobody should believe', () => {
  let server: TestServer;
  let store: ObjectStore;
  let answer: RequestListener;
  /** What was asked, by method and path. */
  let asked: string[];

  beforeEach(async () => {
    asked = [];
    server = await serveHttp((request, reply) => {
      asked.push(`${request.method} ${request.url}`);
      request.resume();
      request.on('end', () => answer(request, reply));
    });
    store = createWebdavStore(createWebdavClient({ url: `${server.url}/dav` }));
  });
  afterEach(() => server.close());
  const lists = (xml: string | Buffer): void => {
    answer = (_, reply) => {
      reply.writeHead(207, { 'content-type': 'text/xml' }).end(xml);
    };
  };
  const said = (): Promise<string> =>
    store.list('approved/').then(
      ({ objects }) => objects.map(({ key }) => key).join(),
      (error: unknown) => `${codeOf(error)}: ${(error as Error).message}`,
    );

  it.each([
    ['a host elsewhere is not looked at', 'http://evil.test/dav/objects/approved/x', 'approved/x'],
    ['an encoded name', '/dav/objects/approved/%61%2Db', 'approved/a-b'],
    ['one above', '/dav/objects/', 'store_unavailable'],
    ['one beside', '/dav/objects/history/x', 'store_unavailable'],
    ['one below what is below', '/dav/objects/approved/x/y', 'store_unavailable'],
    ['one that climbs', '/dav/objects/approved/../history', 'store_unavailable'],
    ['one that climbs in code', '/dav/objects/approved/%2e%2e%2fhistory', 'store_unavailable'],
    ['no path', 'javascript:alert(1)', 'store_unavailable'],
    ['half a code', '/dav/objects/approved/%e9', 'store_unavailable'],
  ])('names %s', async (_, href, found) => {
    // The store itself is there; of `approved/` it tells this.
    answer = (request, reply) => {
      const isRoot = request.url === '/dav/objects/';
      const xml = listing(isRoot ? folder('/dav/objects/') : file(href));
      reply.writeHead(207).end(xml);
    };
    expect(await said()).toMatch(new RegExp(`^${found}`));
    expect(asked.every((one) => one.startsWith('PROPFIND /dav/objects/'))).toBe(true);
  });

  it.each([
    ['entities that grow', `<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>${listing()}`],
    ['a file by an entity', `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>${listing()}`],
    ['an entity that nobody declared', listing(file('/dav/objects/approved/&x;'))],
    ['half of it', listing(file('/dav/objects/approved/x')).slice(0, -20)],
    ['no XML', 'welcome to this hotel'],
    ['another kind of XML', '<html xmlns="http://www.w3.org/1999/xhtml"/>'],
    ['a multistatus that is none', '<multistatus/>'],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0xff])],
    ['something deep', listing('<D:x>'.repeat(100_000))],
    ['a path of a megabyte', listing(file('x'.repeat(1 << 20)))],
    ['a file without a length', listing(response('/dav/objects/approved/x', '<D:resourcetype/>'))],
  ])('answers %s: its listing is not read', async (_, xml) => {
    lists(xml);
    expect(await said()).toMatch(/^store_unavailable: .*its listing cannot be read/);
  });

  it('does not know a property that it names as not found', () => {
    const xml = `<multistatus xmlns="DAV:"><response><href>/a</href>
      <propstat><prop><getcontentlength>5</getcontentlength></prop><status>HTTP/1.1 200 OK</status></propstat>
      <propstat><prop><getetag>"x"</getetag></prop><status>HTTP/1.1 404 Not Found</status></propstat></response></multistatus>`;
    expect(parseEntries(utf8(xml))).toEqual([
      { href: '/a', isFolder: false, size: 5, modified: new Date(0) },
    ]);
  });

  it('sends an answer without end: only so much of it is read', async () => {
    let sent = 0;
    answer = (_, reply) => {
      reply.writeHead(200, { 'last-modified': new Date().toUTCString() });
      const more = (): void => {
        while (!reply.destroyed && reply.write(Buffer.alloc(64 * 1024))) sent += 64 * 1024;
        reply.once('drain', more);
      };
      more();
    };
    await expect(store.get(KEY, { maxBytes: 1000 })).rejects.toMatchObject({ code: 'too_large' });
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  });

  it('leads elsewhere, and is not followed', async () => {
    answer = (_, reply) => {
      reply.writeHead(302, { location: 'http://169.254.169.254/latest/' }).end();
    };
    const refused = { code: 'store_unavailable' };
    await expect(store.get(KEY, { maxBytes: 10 })).rejects.toMatchObject(refused);
    await expect(store.list('approved/')).rejects.toMatchObject(refused);
    await expect(store.create(KEY, utf8('x'))).rejects.toMatchObject(refused);
    expect(asked).toHaveLength(3);
  });

  it.each([
    ['cuts its answer', (reply: Parameters<RequestListener>[1]) => reply.socket?.destroy()],
    [
      'sends half of what it says',
      (reply: Parameters<RequestListener>[1]) => {
        reply.writeHead(201, { 'content-length': 9 });
        reply.write('1', () => reply.socket?.destroy());
      },
    ],
    ['answers 500', (reply: Parameters<RequestListener>[1]) => reply.writeHead(500).end()],
  ])('%s: whether a write was done is not known, and it is sent once', async (_, act) => {
    answer = (_request, reply) => {
      act(reply);
    };
    await expect(store.create(KEY, utf8('x'))).rejects.toMatchObject({ code: 'store_unknown' });
    expect(asked).toEqual([`PUT /dav/objects/${KEY}`]);
  });

  it('is not there: nothing was written', async () => {
    await server.close();
    await expect(store.create(KEY, utf8('x'))).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    server = await serveHttp(() => undefined);
  });

  it.each([
    [401, 'store_denied'],
    [403, 'store_denied'],
    [405, 'store_unavailable'],
    [423, 'store_unavailable'],
    [507, 'store_full'],
  ])('answers a write with %i: %s', async (status, code) => {
    answer = (_, reply) => void reply.writeHead(status).end();
    await expect(store.create(KEY, utf8('x'))).rejects.toMatchObject({ code });
  });

  it('wrote over what was there, whatever it was told', async () => {
    answer = (_, reply) => void reply.writeHead(204).end();
    await expect(store.create(KEY, utf8('x'))).rejects.toMatchObject({ code: 'store_unknown' });
  });
});
