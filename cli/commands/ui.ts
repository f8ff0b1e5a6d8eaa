import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { CODE_SECONDS } from '../../web/gate.ts';
import { messageOf } from '../../words/message.ts';
import { beforeEnd, nextInterrupt } from '../interrupt.ts';
import { fail } from '../../protocol/errors.ts';
import type { Context } from '../context.ts';
import { defaultExpires } from '../default-expires.ts';
import { sessionsOf } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { parsePort } from './serve.ts';

/** What the command line says of it. */
export interface UiFlags {
  readonly port: string;
  readonly noOpen?: boolean;
  readonly capability?: string;
  readonly host?: string;
}

/**
 * `coatcheck ui`: serves the page on loopback, and opens a browser that is let in, until Ctrl-C. The key
 * stays in this process.
 */
export async function ui(context: Context, flags: UiFlags): Promise<void> {
  const { terminal } = context;
  const port = parsePort(flags.port);
  if (flags.capability !== undefined) {
    const { wall } = await import('./wall.ts');
    await wall(context, flags.capability, { host: flags.host ?? '127.0.0.1', port });
    return;
  }
  if (flags.host !== undefined) {
    throw fail(
      'usage',
      'the page that decides is on loopback alone: --host is for the view of --capability',
    );
  }
  const open = await sessionsOf(context);
  const { startPage } = await import('../../web/server.ts');
  const usualExpiry = await defaultExpires(context.home);
  const page = await startPage(open, { port, usualExpiry });
  const stopped = nextInterrupt();
  terminal.print(`the page is at ${page.url}`);
  terminal.document({ url: page.url });
  const folder = await mkdtemp(join(tmpdir(), 'coatcheck-ui-'));
  const done = beforeEnd(() => void rm(folder, { recursive: true, force: true }));
  const letIn = async (): Promise<void> => {
    const code = page.newCode();
    if (flags.noOpen !== true && (await openBrowser(folder, page.url, code))) {
      terminal.hint('a browser was opened; Enter opens another, Ctrl-C stops');
    } else {
      terminal.print(`code, good once and for ${CODE_SECONDS} seconds: ${code}`);
      terminal.hint('Enter gives another code, Ctrl-C stops');
    }
  };
  await letIn();
  const lines = terminal.interactive ? onEnter(letIn, terminal) : undefined;
  await stopped;
  lines?.close();
  await page.close();
  await rm(folder, { recursive: true, force: true });
  done();
  terminal.hint('stopped');
}

function onEnter(act: () => Promise<void>, terminal: Terminal): { close(): void } {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', () => {
    act().catch((error: unknown) => {
      terminal.warn(messageOf(error));
    });
  });
  return lines;
}

/**
 * Opens a browser on a file that only its user reads, and that sends the code: on a command line every
 * user of the machine would see it.
 * @returns whether something could be started
 */
async function openBrowser(folder: string, url: string, code: string): Promise<boolean> {
  const file = join(folder, 'open.html');
  const html = `<!doctype html><meta charset="utf-8"><title>coatcheck</title>
<form method="post" action="${url}/enter"><input type="hidden" name="code" value="${code}">
<button>Open coatcheck</button></form>
<script>document.forms[0].submit();</script>
`;
  await writeFile(file, html, { mode: 0o600 });
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const child = spawn(program, [pathToFileURL(file).href], { stdio: 'ignore', detached: true });
  return new Promise((resolve) => {
    child.once('error', () => {
      resolve(false);
    });
    child.once('exit', (status) => {
      resolve(status === 0);
    });
    // A browser that stays in the foreground was opened.
    setTimeout(() => {
      child.unref();
      resolve(true);
    }, 3000).unref();
  });
}
