import type { Stats } from 'node:fs';
import { fstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Console } from '../console/console.ts';
import type { Failure } from '../systemd/failure.ts';
import { run } from '../programs/run.ts';
import { listIn, statIn } from '../tree/files.ts';
import { inFolder, withRoot } from '../tree/folder.ts';
import type { Readiness } from './readiness.ts';

const FOLDER = 'etc/coatcheck/ready.d';
/** As run-parts(8), and with dots; no hidden file and no backup of an editor. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const LIMIT_SECONDS = 60;
const MAX_LINES = 20;

/**
 * Runs the executables of /etc/coatcheck/ready.d one after another, by name, each for a minute at
 * most. One that anybody but root could have written is not run. What they say is shown; one that
 * fails does not keep the others from running.
 *
 * @param env what they are told
 */
export async function runHooks(
  rootPath: string,
  console: Pick<Console, 'note'>,
  env: Readonly<Record<string, string>>,
  limitSeconds = LIMIT_SECONDS,
): Promise<Readiness> {
  const done: string[] = [];
  const failed: Failure[] = [];
  for (const { name, refusal } of findHooks(rootPath)) {
    const what = `ready.d/${name}`;
    if (refusal !== undefined) {
      failed.push({ what, why: refusal });
      continue;
    }
    const program = join(rootPath, FOLDER, name);
    const { status, stdout, stderr } = await run(program, [], {
      env,
      timeoutSeconds: limitSeconds,
    });
    const lines = `${stdout.toString('utf8')}${stderr}`.split('\n').filter((line) => line !== '');
    for (const line of lines.slice(-MAX_LINES)) console.note(`${what}: ${line.slice(0, 500)}`);
    if (status === 0) done.push(what);
    else if (status === 124) failed.push({ what, why: `it took more than ${limitSeconds} s` });
    else failed.push({ what, why: `exit status ${status}` });
  }
  return { done, failed };
}

interface Hook {
  readonly name: string;
  /** Why it must not be run */
  readonly refusal?: string;
}

function findHooks(rootPath: string): Hook[] {
  const look = (root: Parameters<typeof inFolder>[0]): Hook[] | undefined =>
    inFolder(root, FOLDER, (folder) => {
      const ofFolder = refusalOf(fstatSync(folder.fd));
      return listIn(folder)
        .filter((name) => NAME.test(name))
        .flatMap((name): Hook[] => {
          const stat = statIn(folder, name)!;
          if (stat.isFile() && (stat.mode & 0o111) === 0) return [];
          const refusal = stat.isFile() ? (ofFolder ?? refusalOf(stat)) : 'it is no regular file';
          return [{ name, ...(refusal !== undefined && { refusal }) }];
        });
    });
  return withRoot(rootPath, look) ?? [];
}

function refusalOf({ uid, mode }: Stats): string | undefined {
  if (uid !== 0) return 'it, or its folder, does not belong to root';
  return (mode & 0o022) === 0 ? undefined : 'others than root may write it, or its folder';
}
