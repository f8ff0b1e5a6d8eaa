import { request as requestTls } from 'node:https';

const MAX_MILLISECONDS = 5000;

/**
 * The time that whoever answers at the host of a URL claims, Unix seconds: nobody vouches for it. It is
 * asked with a bare HEAD of `/`, so that it learns nothing; a presigned URL is a credential.
 */
export async function claimedTime(url: string): Promise<number | undefined> {
  return await new Promise((resolve) => {
    const head = requestTls(
      new URL('/', url),
      { method: 'HEAD', agent: false, rejectUnauthorized: false },
      (answer) => {
        const time = Math.floor(Date.parse(answer.headers.date ?? '') / 1000);
        answer.destroy();
        resolve(Number.isNaN(time) ? undefined : time);
      },
    );
    head.setTimeout(MAX_MILLISECONDS, () => head.destroy());
    head.once('error', () => resolve(undefined)).once('close', () => resolve(undefined));
    head.end();
  });
}
