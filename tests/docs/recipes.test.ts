import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import type { SMTPServerOptions } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { messageOf } from '../../functions/notify/event.ts';
import { command } from '../../functions/notify/receivers.ts';
import { makeAuthority } from '../support/certificates.ts';
import { makeNode, makeSite } from '../support/site.ts';

/** The commands of the table in docs/admin.md, by who is told. */
const page = readFileSync(new URL('../../docs/admin.md', import.meta.url), 'utf8');
const [, table = ''] = /\n\| to +\| `--notify-command` +\|\n((?:\|.*\n)+)/.exec(page) ?? [];
const recipes = new Map(
  [...table.matchAll(/^\| (\w+).*?\| `(.*)` +\|$/gm)].map(([, to, line]) => [
    to!,
    line!.replaceAll('\\|', '|'),
  ]),
);

const lacks = ['jq', 'curl'].filter((name) => spawnSync(name, ['--version']).error !== undefined);
const folder = mkdtempSync(join(tmpdir(), 'coatcheck-recipes-'));
const posted: { path: string; body: string }[] = [];
const receiver = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => (body += chunk.toString()));
  request.on('end', () => {
    posted.push({ path: request.url!, body });
    response.writeHead(request.url === '/refuses' ? 500 : 200).end('ok');
  });
});
beforeAll(async () => {
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  // As sendmail -t: a mail without a recipient in its head is none.
  writeFileSync(
    join(folder, 'sendmail'),
    `#!/bin/sh\n[ "$*" = -t ] || exit 64\ncat > ${folder}/mail\nsed '/^$/q' ${folder}/mail | grep -q '^To: ' || exit 64\n`,
  );
  chmodSync(join(folder, 'sendmail'), 0o755);
});
afterAll(() => {
  receiver.close().closeAllConnections();
  rmSync(folder, { recursive: true });
});

const { site } = makeSite();
const events = [
  { id: 'ab'.repeat(32), kind: 'waiting', node: makeNode().id, words: 'eight words' },
] as const;
const message = messageOf(events, site, 1_790_000_000);

/** Runs a recipe as `serve` does. @param path of the hook, whose address is in a file */
function run(to: string, path = '/hook', env: Record<string, string> = {}): Promise<void> {
  const hook = join(folder, 'hook');
  const { port } = receiver.address() as AddressInfo;
  writeFileSync(hook, `http://127.0.0.1:${port}${path}\n`);
  const line = recipes.get(to)!.replace(/\/etc\/[\w-]+/, hook);
  const PATH = `${folder}:${process.env['PATH']}`;
  return command(line, { PATH, ...env })(message, new AbortController().signal);
}

it('of docs/admin.md are for mail, chats and ntfy', () => {
  expect([...recipes.keys()]).toEqual(['mail', 'SMTP', 'Slack', 'ntfy']);
});

it.skipIf(lacks.length > 0)('say the text of a message', async () => {
  await run('mail');
  const mail = readFileSync(join(folder, 'mail'), 'utf8');
  const [head, ...body] = mail.split('\n\n');
  expect(head!.split('\n')).toEqual(['To: root', 'Subject: coatcheck']);
  expect(body.join('\n\n')).toBe(`${message.text}\n`);
  await run('Slack');
  expect(JSON.parse(posted.at(-1)!.body)).toEqual({ text: message.text });
  await run('ntfy');
  expect(posted.at(-1)!.body.trim()).toBe(message.text);
});

it.skipIf(lacks.length > 0)('fail where the receiver does, so that it is told again', async () => {
  for (const to of ['Slack', 'ntfy']) await expect(run(to, '/refuses')).rejects.toThrow('ended');
});

it.each(['mail', 'SMTP', 'Slack', 'ntfy'])('to %s fails where jq is not installed', async (to) => {
  const without = { PATH: `${folder}:/nowhere` };
  for (const name of ['cat', 'sed', 'grep', 'sh']) {
    const { stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
    writeFileSync(join(folder, name), `#!/bin/sh\nexec ${stdout.trim()} "$@"\n`, { mode: 0o755 });
  }
  await expect(run(to, '/hook', without)).rejects.toThrow('ended');
});

describe.skipIf(lacks.length > 0)('the recipe that speaks SMTP', () => {
  interface Mail {
    readonly from: string;
    readonly to: readonly string[];
    readonly text: string;
    readonly user: string | undefined;
    readonly secure: boolean;
  }

  /** A real SMTP server that keeps what it takes, while `work` runs. @returns what it took */
  async function withServer(
    options: SMTPServerOptions,
    work: (url: string) => Promise<void>,
  ): Promise<Mail[]> {
    const mails: Mail[] = [];
    const server = new SMTPServer({
      ...{ authOptional: true, disableReverseLookup: true, logger: false },
      onData(stream, session, done) {
        const { envelope, secure } = session;
        const user = session.user as string | undefined;
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
          const to = envelope.rcptTo.map(({ address }) => address);
          const text = Buffer.concat(chunks).toString();
          mails.push({ from, to, text, user, secure });
          done();
        });
      },
      ...options,
    });
    // A client that leaves in the middle is an error of the server.
    server.on('error', () => undefined);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    try {
      await work(`smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`);
    } finally {
      await new Promise<void>((resolve) => {
        server.close(resolve);
      });
    }
    return mails;
  }

  const send = (url: string, more = ''): Promise<void> => {
    const line = recipes.get('SMTP')!.replace('smtp://mail.grid.example', `${more} ${url}`);
    return command(line, { PATH: process.env['PATH']! })(message, new AbortController().signal);
  };
  const WHO = { from: 'coatcheck@grid.example', to: ['ops@grid.example'] };

  it('delivers a mail, line by line', async () => {
    const mails = await withServer({}, (url) => send(url));
    expect(mails).toMatchObject([{ ...WHO, secure: false }]);
    const [head, ...body] = mails[0]!.text.split('\r\n\r\n');
    expect(head!.split('\r\n')).toEqual([
      ...['From: coatcheck@grid.example', 'To: ops@grid.example', 'Subject: coatcheck'],
    ]);
    expect(body.join('\r\n\r\n').trimEnd()).toBe(message.text);
  });

  it('logs in behind STARTTLS, with what stands in a file', async () => {
    const authority = makeAuthority(join(folder, 'ca'));
    writeFileSync(join(folder, 'netrc'), 'machine 127.0.0.1 login ada password word\n');
    const onAuth: SMTPServerOptions['onAuth'] = ({ username, password }, _, done) => {
      if (username === 'ada' && password === 'word') done(null, { user: username });
      else done(new Error('who is that'));
    };
    const options = { ...authority.issue('IP:127.0.0.1'), onAuth, authOptional: false };
    const more = `--ssl-reqd --cacert ${authority.caFile} --netrc-file ${join(folder, 'netrc')}`;
    const mails = await withServer(options, (url) => send(url, more));
    expect(mails).toMatchObject([{ ...WHO, secure: true, user: 'ada' }]);
  });

  it.each<[string, SMTPServerOptions]>([
    ['knows no such recipient', { onRcptTo: (_, __, done) => done(new Error('no such user')) }],
    [
      'says that it is full, once it has all of it',
      {
        onData(stream, _, done) {
          stream.resume();
          stream.on('end', () => done(Object.assign(new Error('full'), { responseCode: 452 })));
        },
      },
    ],
  ])('fails where the server %s, so that it is told again', async (_, options) => {
    const mails = await withServer(options, (url) => expect(send(url)).rejects.toThrow('ended'));
    expect(mails).toEqual([]);
  });
});
