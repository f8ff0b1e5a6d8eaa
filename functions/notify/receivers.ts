import { spawn } from 'node:child_process';
import { utf8 } from '../../bundle/bytes.ts';
import type { Identity } from '../../bundle/identity.ts';
import { createFetch } from '../../net/fetch.ts';
import { addressesIn } from '../../protocol/address.ts';
import { fail } from '../../protocol/errors.ts';
import { readBody } from '../../protocol/objects.ts';
import { signRequest } from '../../protocol/request-signature.ts';
import type { Site } from '../../protocol/site.ts';
import type { Message } from './event.ts';

/** Takes a message. @throws why it was not received, also where it was told to end */
export type Receiver = (message: Message, signal: AbortSignal) => Promise<void>;

const WEBHOOK_SECONDS = 10;
const COMMAND_SECONDS = 60;
const MAX_SAID = 200;

/**
 * A POST of JSON, signed as all requests are (docs/http-api.md, "Signed requests") by a key of its own. 2xx is
 * received, within ten seconds; nothing of the answer is read, and no redirect is followed. A name in the URL leads
 * to nothing that only this machine or its link reaches, unless it is `localhost`; an address is asked as it stands.
 * @throws usage for a URL that is none
 */
export function webhook(
  text: string,
  {
    site,
    identity,
    now,
    seconds = WEBHOOK_SECONDS,
  }: { site: Site; identity: Identity; now: () => number; seconds?: number },
): Receiver {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    `${url.username}${url.password}${url.hash}` !== ''
  ) {
    throw fail('usage', '--notify-url is a URL of http or https, without a password');
  }
  const fetch = createFetch({ ca: site.ca });
  const unlessAt = new Set(addressesIn([url.origin]));
  return async (message, ended) => {
    const body = utf8(JSON.stringify(message)) as Uint8Array<ArrayBuffer>;
    const signed = signRequest({
      ...{ method: 'POST', url, body, site: site.id, identity, created: now() },
    });
    let status: number;
    try {
      const answer = await fetch(url.href, {
        ...{ method: 'POST', body, redirect: 'manual', unlessAt },
        headers: { 'content-type': 'application/json', ...signed },
        signal: AbortSignal.any([ended, AbortSignal.timeout(seconds * 1000)]),
      });
      ({ status } = answer);
      // The status is all that counts, however the rest of it goes on.
      await readBody(answer, 0).catch(() => undefined);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      // The path may be what makes the receiver believe.
      throw fail('server_unreachable', `the webhook at ${url.host} was not told: ${why}`, {
        cause,
      });
    }
    if (status >= 200 && status <= 299) return;
    throw fail(
      'server_unreachable',
      `the webhook at ${url.host} was not told: it answered ${status}`,
    );
  };
}

/**
 * A command of the shell, which has the message as JSON on stdin and nothing of it in its arguments. Status 0
 * is received, within a minute: then it is killed with all that it started. It has the environment of this process
 * but for what `coatcheck` itself reads there.
 */
export function command(
  line: string,
  env: Readonly<Record<string, string | undefined>>,
  seconds = COMMAND_SECONDS,
): Receiver {
  const own = Object.entries(env).filter(([name]) => !name.startsWith('COATCHECK_'));
  return (message, ended) =>
    new Promise((resolve, reject) => {
      const child = spawn('sh', ['-c', line], {
        ...{ env: Object.fromEntries(own), detached: true, stdio: ['pipe', 'ignore', 'pipe'] },
      });
      let said = '';
      let isOver = false;
      const over = (): void => {
        isOver = true;
        kill(child.pid);
      };
      const timer = setTimeout(over, seconds * 1000);
      ended.addEventListener('abort', over, { once: true });
      const end = (how: string | undefined): void => {
        clearTimeout(timer);
        ended.removeEventListener('abort', over);
        child.stderr.destroy();
        if (how === undefined) resolve();
        else reject(fail('step_failed', `the command that notifies ${how}${lineOf(said)}`));
      };
      child.stderr.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString('utf8')).slice(0, MAX_SAID);
      });
      child.stdin.on('error', () => undefined); // It need not read what it is given.
      child.stdin.end(`${JSON.stringify(message)}\n`);
      child.on('error', ({ message: why }) => end(`could not be started (${why})`));
      child.on('exit', (code, signal) => {
        if (isOver) end(`was not done within ${seconds} s`);
        else end(code === 0 ? undefined : `ended with ${code ?? signal ?? 'nothing'}`);
      });
    });
}

const lineOf = (said: string): string => {
  const [line] = said.trim().split('\n');
  return line === undefined || line === '' ? '' : `: ${line}`;
};

function kill(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
