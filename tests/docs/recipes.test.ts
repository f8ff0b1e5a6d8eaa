import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { messageOf } from '../../functions/notify/event.ts';
import { command } from '../../functions/notify/receivers.ts';
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
  expect([...recipes.keys()]).toEqual(['mail', 'Slack', 'ntfy']);
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

it.each(['mail', 'Slack', 'ntfy'])('to %s fails where jq is not installed', async (to) => {
  const without = { PATH: `${folder}:/nowhere` };
  for (const name of ['cat', 'sed', 'grep', 'sh']) {
    const { stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
    writeFileSync(join(folder, name), `#!/bin/sh\nexec ${stdout.trim()} "$@"\n`, { mode: 0o755 });
  }
  await expect(run(to, '/hook', without)).rejects.toThrow('ended');
});
