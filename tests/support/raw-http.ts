import { request } from 'node:http';

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
