import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toBase64Url } from '../../bundle/bytes.ts';
import { verifyRequest } from '../../protocol/request-signature.ts';
import { makeIdentity, makeNode, makeSite } from '../../tests/support/site.ts';
import { messageOf } from './event.ts';
import { command, webhook } from './receivers.ts';

const { site } = makeSite();
const identity = makeIdentity('notify');
const NOW = 1_790_000_000;
const { id: node } = makeNode();
const message = messageOf(
  [{ id: 'ab'.repeat(32), kind: 'waiting', node, words: 'eight words' }],
  ...([site, NOW] as const),
);
const never = new AbortController().signal;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  closers.push(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/secret-x7?a=b`;
}
const tell = (url: string, seconds = 10) =>
  webhook(url, { site, identity, now: () => NOW, seconds })(message, never);

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Uint8Array.from(Buffer.concat(chunks));
}

describe('a webhook', () => {
  it('is sent JSON that the key of its own signed', async () => {
    const seen: { signer: string; body: unknown; type: string | undefined }[] = [];
    const url = await listen((request, response) => {
      void bodyOf(request).then((body) => {
        const { signKey } = verifyRequest({
          ...{ method: request.method!, url: new URL(url), body, site: site.id, now: NOW },
          header: (name) => request.headers[name] as string | undefined,
        });
        seen.push({
          signer: toBase64Url(signKey),
          body: JSON.parse(Buffer.from(body).toString()),
          type: request.headers['content-type'],
        });
        response.writeHead(204).end();
      });
    });
    await tell(url);
    expect(seen).toEqual([
      { signer: toBase64Url(identity.signKey), body: message, type: 'application/json' },
    ]);
  });

  it('that answers 2xx was told, however much it says, and however it goes on', async () => {
    const endless = await listen((_, response) => {
      response.writeHead(200);
      response.write(Buffer.alloc(1_000_000));
    });
    await tell(endless);
    const halting = await listen((_, response) => response.writeHead(202).flushHeaders());
    await tell(halting, 0.1);
  });

  it.each([
    ['a failure', 500, {}],
    ['a redirect, which is not followed', 307, { location: '/elsewhere' }],
    ['a refusal', 404, {}],
  ])('that answers with %s was not told', async (_, status, headers) => {
    const asked: string[] = [];
    const url = await listen((request, response) => {
      asked.push(request.url!);
      response.writeHead(status, headers as Record<string, string>).end('no');
    });
    const error = await tell(url).catch(String);
    expect(error).toContain(`it answered ${status}`);
    expect(error).not.toContain('secret-x7');
    expect(asked).toEqual(['/hook/secret-x7?a=b']);
  });

  it('that says nothing is let go, and so is one that is not there', async () => {
    const silent = await listen(() => undefined);
    const error = await tell(silent, 0.1).catch(String);
    expect(error).toContain('was not told');
    expect(error).not.toContain('secret-x7');
    const gone = silent.replace(/:\d+/, ':1');
    expect(await tell(gone).catch(String)).toContain('was not told');
  });

  it('is one where somebody named the address, and by a name nothing that only this machine reaches', async () => {
    const url = await listen((_, response) => response.end());
    await tell(url.replace('127.0.0.1', 'localhost'));
  });

  it.each(['', 'ftp://a/', 'https://user:password@a/', 'https://a/#b', 'a'])(
    'is not %j',
    (text) => {
      const act = () => webhook(text, { site, identity, now: () => NOW });
      expect(act).toThrow('--notify-url');
    },
  );
});

describe('a command', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coatcheck-command-'));
    closers.push(() => rm(folder, { recursive: true }));
  });
  const env = { PATH: process.env['PATH'], COATCHECK_PASSPHRASE: 'a secret', TOKEN: 'its own' };
  const run = (line: string, seconds = 60, signal = never) =>
    command(line, { ...env, OUT: join(folder, 'out') }, seconds)(message, signal);
  const out = async (): Promise<string> => readFile(join(folder, 'out'), 'utf8');

  it('has the message on stdin, nothing of it in its arguments, and no secret of ours', async () => {
    await run('cat > "$OUT"; echo "$# $TOKEN [$COATCHECK_PASSPHRASE]" >> "$OUT"');
    const [json, rest] = (await out()).split('\n');
    expect(JSON.parse(json!)).toEqual(message);
    expect(rest).toBe('0 its own []');
  });

  it('need not read it', () => run('exit 0'));

  it('that fails has not been told, and what it said is said', async () => {
    const error = await run('echo no relay >&2; echo more >&2; exit 3').catch(String);
    expect(error).toContain('ended with 3: no relay');
    expect(error).not.toContain('more');
  });

  it('that takes too long is ended with all that it started, and so where the server ends', async () => {
    const line = 'sleep 1000 & echo $! > "$OUT"; wait';
    await expect(run(line, 0.2)).rejects.toThrow('not done within');
    const pid = Number(await out());
    await expect.poll(() => isThere(pid)).toBe(false);
    const ending = new AbortController();
    const running = run('sleep 1000', 60, ending.signal);
    ending.abort();
    await expect(running).rejects.toThrow('not done within');
  });
});

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
