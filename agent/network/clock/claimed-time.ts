import type { LookupFunction } from 'node:net';
import { httpDate } from '../../../protocol/http-date.ts';

const LIMIT_SECONDS = 5;

/** How whoever claims a time is asked. */
export interface ClaimOptions {
  /** How the host's name is resolved; as the system does it if not given */
  readonly lookup?: LookupFunction | undefined;
  /** All in all, however slowly an answer comes */
  readonly limitSeconds?: number;
}

/**
 * The time that whoever answers at the host of a URL claims, Unix seconds: nobody vouches for it. It is
 * asked with a bare HEAD of `/`, so that it learns nothing; a presigned URL is a credential.
 */
export async function claimedTime(
  url: string,
  { lookup, limitSeconds = LIMIT_SECONDS }: ClaimOptions = {},
): Promise<number | undefined> {
  const signal = AbortSignal.timeout(limitSeconds * 1000);
  const { request } = process.getBuiltinModule('node:https');
  return await new Promise((resolve) => {
    const head = request(
      new URL('/', url),
      { method: 'HEAD', agent: false, rejectUnauthorized: false, lookup, signal },
      (answer) => {
        answer.destroy();
        resolve(httpDate(answer.headers.date));
      },
    );
    head.once('error', () => resolve(undefined)).once('close', () => resolve(undefined));
    head.end();
  });
}
