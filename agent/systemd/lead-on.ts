import * as fs from 'node:fs';
import { run } from '../programs/run.ts';
import type { Failure } from './failure.ts';
import { saidBy } from './systemctl.ts';

const TARGET = 'coatcheck-ready.target';
/** What coatcheck-generator makes where the boot waits for us. */
const WAITING = `/run/systemd/generator/${TARGET}.wants`;

/**
 * Lets the boot go on, once the service manager was told that the configuration is in place: what the
 * image's default target wants is started. Does nothing where the boot does not wait for it.
 * @returns what failed
 */
export async function leadOn(): Promise<readonly Failure[]> {
  if (process.env['NOTIFY_SOCKET'] === undefined || !fs.existsSync(WAITING)) return [];
  const ran = await run('systemctl', ['--no-ask-password', '--no-block', 'start', TARGET]);
  return ran.status === 0 ? [] : [{ what: TARGET, why: saidBy(ran) }];
}
