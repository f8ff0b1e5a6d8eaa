import { spawn } from 'node:child_process';

type Environment = Readonly<Record<string, string | undefined>>;

/** What shows a long text, where a person reads stdout; undefined where it is not to be paged. */
export function pagerOf({
  stdin,
  stdout,
  env,
}: {
  readonly stdin: { readonly isTTY?: boolean };
  readonly stdout: { readonly isTTY?: boolean };
  readonly env: Environment;
}): string | undefined {
  if (stdin.isTTY !== true || stdout.isTTY !== true || env['TERM'] === 'dumb') return undefined;
  const { PAGER: pager = 'less' } = env;
  return ['', 'cat'].includes(pager.trim()) ? undefined : pager;
}

/**
 * Shows a text with a pager, as git does: through the shell, and `less` with colours, and without
 * staying for what fits.
 * @returns whether it was shown: not where there is no such program, or it failed
 */
export async function page(pager: string, text: string, env: Environment): Promise<boolean> {
  const child = spawn('sh', ['-c', pager], {
    env: { LESS: 'FRX', ...env },
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  // Whoever has seen enough leaves before the end.
  child.stdin.on('error', () => undefined);
  child.stdin.end(text);
  return await new Promise((resolve) => {
    child.on('error', () => resolve(false));
    child.on('close', (status) => resolve(status === 0));
  });
}
