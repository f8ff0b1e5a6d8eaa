import * as fs from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../protocol/errors.ts';
import { privateFolder } from './private-folder.ts';
import { failure, runNow } from './run.ts';
import type { RunOptions } from './run.ts';

const VARIABLE = 'TPM2TOOLS_TCTI';
/** The kernel's resource manager: it puts aside what other programs have in the TPM. */
const DEVICE = '/dev/tpmrm0';

/** Programs of tpm2-tools on one TPM, with a folder in memory for their files. */
export interface Tpm {
  /** Full path of a file for them. */
  file(name: string): string;
  /** What the program wrote to stdout. @throws device_failed, naming it */
  run(program: string, args: readonly string[], options?: RunOptions): Buffer;
}

/**
 * Runs `act` with the machine's TPM: the one that TPM2TOOLS_TCTI names (tpm2-tools(1)), else
 * /dev/tpmrm0. What stays in a TPM without a resource manager is flushed afterwards.
 * @throws device_missing without a TPM; device_failed
 */
export function withTpm<T>(act: (tpm: Tpm) => T): T {
  const named = process.env[VARIABLE];
  if (named === undefined && !fs.existsSync(DEVICE)) {
    throw fail('device_missing', `this machine has no TPM 2.0: there is no ${DEVICE}`);
  }
  const env = { [VARIABLE]: named ?? `device:${DEVICE}` };
  const folder = privateFolder('tpm');
  try {
    return act({
      file: (name) => join(folder, name),
      run(program, args, options) {
        const ran = runNow(program, args, { ...options, env });
        if (ran.status !== 0) {
          throw failure('device_failed', program, args, { ...ran, stderr: reasonIn(ran.stderr) });
        }
        return ran.stdout;
      },
    });
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** tpm2-tools say what the libraries below them did, and among it, in one line, what the TPM said. */
function reasonIn(stderr: string): string {
  const errors = stderr.split('\n').filter((line) => line.startsWith('ERROR: '));
  return errors.find((line) => line.includes(' - tpm:')) ?? errors[0] ?? stderr;
}
