import { decodeSignedCapability } from '../../bundle/index.ts';
import { nextInterrupt } from '../interrupt.ts';
import type { Context } from '../context.ts';
import { messageOf } from '../../words/message.ts';
import { monitorClient, readMonitor } from './monitor.ts';

/**
 * `coatcheck ui --capability FILE`: serves a view that only shows, until Ctrl-C. It needs the file alone; no
 * key that decides is in this process.
 */
export async function wall(
  context: Context,
  path: string,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  const { terminal } = context;
  const monitor = await readMonitor(path);
  const { expires } = decodeSignedCapability(monitor.capability).capability;
  const { startWall } = await import('../../web/wall.tsx');
  const running = await startWall(
    // It looks again by itself, and says meanwhile that it knows nothing newer.
    monitorClient(context, monitor, false),
    { site: monitor.site.name, expires },
    {
      ...{ host, port },
      onOver: (error) => {
        terminal.warn(`nothing is shown any more: ${messageOf(error)}`);
      },
    },
  );
  const stopped = nextInterrupt();
  terminal.print(`the view is at ${running.url}`);
  terminal.document({ url: running.url, expires });
  terminal.hint('whoever reaches it sees ids, words, times and states; Ctrl-C stops');
  await stopped;
  await running.close();
  terminal.hint('stopped');
}
