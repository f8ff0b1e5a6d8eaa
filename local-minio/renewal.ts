import { codeOf } from '../protocol/errors.ts';
import { writeCredentials } from '../functions/stores/credentials.ts';
import { takeCredentials } from './credentials.ts';
import type { Minio } from './minio.ts';
import type { Say } from './go-install.ts';

/** A file of credentials that is renewed. */
export interface KeptCredentials {
  /** Ends the renewal; the file stays, and its sessions end by themselves. */
  readonly stop: () => void;
}

/**
 * Writes the three credentials of a bucket to a file (0600), and new ones over them at half of
 * their life, for whoever reads it again (`coatcheck serve --credentials`).
 * @param options.renewAfterSeconds default: half of `durationSeconds`
 */
export async function keepCredentials(
  minio: Omit<Minio, 'stop'>,
  options: {
    bucket: string;
    path: string;
    durationSeconds: number;
    renewAfterSeconds?: number;
    say: Say;
  },
): Promise<KeptCredentials> {
  const { bucket, path, durationSeconds, say } = options;
  const { renewAfterSeconds = durationSeconds / 2 } = options;
  const renew = async (): Promise<void> => {
    await writeCredentials(path, await takeCredentials(minio, bucket, durationSeconds));
  };
  await renew();
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const schedule = (seconds: number): void => {
    if (isStopped) return;
    timer = setTimeout(() => {
      renew().then(
        () => schedule(renewAfterSeconds),
        (error: unknown) => {
          if (isStopped) return; // the server that it asks has ended, or its folder is gone
          say(`renewing ${path} failed [${codeOf(error)}]; trying again in a minute`);
          schedule(Math.min(60, renewAfterSeconds));
        },
      );
    }, seconds * 1000);
    timer.unref();
  };
  schedule(renewAfterSeconds);
  return {
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
