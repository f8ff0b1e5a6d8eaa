import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deriveIdentity } from '../../bundle/index.ts';
import type { Identity } from '../../bundle/index.ts';
import { nodeWords } from '../../bundle/words.ts';
import type { Message } from '../../functions/notify/event.ts';
import { EXIT } from '../../protocol/errors.ts';
import { openDesk, refusal, startCli, startServe } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';

let desk: Desk;
let hooks: string;
const posted: Message[] = [];
const receiver = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    posted.push(JSON.parse(Buffer.concat(chunks).toString()) as Message);
    response.end();
  });
});
beforeAll(async () => {
  desk = await openDesk();
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  hooks = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
});
afterAll(async () => {
  receiver.close().closeAllConnections();
  await desk.close();
});

const newNode = (): Identity => deriveIdentity(Uint8Array.from(randomBytes(32)));
const nodesOf = ({ events }: Message): string[] => events.map(({ node }) => node).sort();
const messagesIn = (path: string): Message[] =>
  fs.existsSync(path)
    ? fs
        .readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Message)
    : [];

describe('serve that notifies', () => {
  it('tells a webhook and a command what waits, by words and no name, once over restarts', async () => {
    const said = join(dirname(desk.home), 'said');
    const serve = () =>
      startServe([
        ...['--home', desk.home, 'serve', '--notify-url', hooks],
        ...['--notify-command', `cat >> ${said}`],
      ]);
    const [first, second] = [newNode(), newNode()];
    await desk.propose(first, { metadata: { hostname: 'gx001' } });
    const server = await serve();
    await expect.poll(() => posted.length).toBe(1);
    await expect.poll(() => messagesIn(said).length).toBe(1);
    const [message] = posted;
    expect(message).toMatchObject({ coatcheck: 'events/1', counts: { waiting: 1 } });
    expect(nodesOf(message!)).toEqual([first.id]);
    expect(message!.text).toContain(nodeWords(first.id));
    expect(JSON.stringify(message)).not.toContain('gx001');
    expect(messagesIn(said)[0]!.events).toEqual(message!.events);
    expect((await server.stop()).code).toBe(0);
    expect(server.said.stderr).toContain('notifications are signed by the key ');
    for (const file of fs.readdirSync(desk.home).filter((name) => /^(told|notify)/.test(name))) {
      expect([file, fs.statSync(join(desk.home, file)).mode & 0o777]).toEqual([file, 0o600]);
    }

    await desk.propose(second, { metadata: { hostname: 'gx002' } });
    const again = await serve();
    await expect.poll(() => posted.length).toBe(2);
    expect(nodesOf(posted[1]!)).toEqual([second.id]);
    expect((await again.stop()).code).toBe(0);
  });

  it('starts for no URL that is none', async () => {
    for (const url of ['ftp://a/', 'https://user:password@a/']) {
      const { done } = await startCli(['--home', desk.home, 'serve', '--notify-url', url]);
      expect(refusal(await done)).toEqual([EXIT.usage, 'usage']);
    }
    const status = await desk.run('status', '--notify-command', 'true');
    expect(refusal(status)).toEqual([EXIT.usage, 'usage']);
  });
});

describe('a watch that notifies', { tags: 'long' }, () => {
  it('tells names, of those nodes that a filter lets through, without a terminal', async () => {
    const said = join(dirname(desk.home), 'watched');
    const node = newNode();
    await desk.propose(newNode(), { metadata: { hostname: 'other' } });
    await desk.propose(node, { metadata: { hostname: 'gx003' } });
    const { child, done } = await startCli([
      ...['--home', desk.home, '--server', desk.url, 'status', 'claim=gx003', '--watch'],
      ...['--notify-command', `cat >> ${said}`],
    ]);
    await expect.poll(() => messagesIn(said).length).toBe(1);
    const [message] = messagesIn(said);
    expect(nodesOf(message!)).toEqual([node.id]);
    expect(message!.events[0]).toMatchObject({ kind: 'waiting', claims: 'gx003' });
    expect(message!.text).toContain('claims gx003');
    child.kill('SIGINT');
    expect((await done).code).toBe(EXIT.interrupted);
  });
});
