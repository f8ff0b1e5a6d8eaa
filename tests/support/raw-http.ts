import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  /** The `<Code>` of an S3 error, if the body is one. */
  readonly code: string | undefined;
  readonly body: Buffer;
}

/** Sends exactly these headers and `host`: `fetch` adds some of its own, and corrects lengths. */
export function send(
  url: string,
  options: { method: string; headers?: Readonly<Record<string, string>>; body?: Uint8Array },
): Promise<RawAnswer> {
  const { method, headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const whole = Buffer.concat(chunks);
        const code = /<Code>(\w+)<\/Code>/.exec(whole.toString('latin1'))?.[1];
        resolve({ status: answer.statusCode!, code, body: whole });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/**
 * Sends one request byte for byte: no client puts its path in order, or its headers together.
 * @param lines the request line and the headers, but for `Host` and `Connection`
 * @returns the status, and everything that came; 0 where the server hung up without a word
 */
export async function sendLines(
  origin: string,
  lines: readonly string[],
  body = '',
): Promise<{ status: number; text: string }> {
  const { hostname, port, host } = new URL(origin);
  const [first, ...headers] = lines;
  const named = headers.some((line) => /^host:/i.test(line));
  const head = [first, ...(named ? [] : [`Host: ${host}`]), ...headers, 'Connection: close'];
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
  socket.on('error', () => undefined); // a server may hang up on what is no HTTP
  // Its own side stays open: a server of Node's gives up what it has not answered where it is closed.
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`, 'latin1');
  await once(socket, 'close');
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text };
}
