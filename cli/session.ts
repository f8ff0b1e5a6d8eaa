import { createSession } from '../admin/session.ts';
import type { Session, Step } from '../admin/session.ts';
import { VERSION } from '../functions/version.ts';
import { CoatcheckError } from '../bundle/index.ts';
import { IS_IT_THERE } from '../protocol/client.ts';
import { fail } from '../protocol/errors.ts';
import { createFetch } from '../net/fetch.ts';
import { fileCache } from './cache-file.ts';
import type { Context } from './context.ts';
import { keyOf } from './keeper/key-of.ts';
import { readSite } from './site-file.ts';
import { fileMemory } from './memory.ts';
import { serverAddress } from './server-address.ts';
import { doubtText } from '../words/warnings.ts';

/**
 * A session of the administrator whose home folder this is.
 * @throws usage, wrong_site, not_an_admin, and what the client and the files throw
 */
export async function openSession(context: Context): Promise<Session> {
  return (await sessionsOf(context, false))();
}

/**
 * {@link openSession}, several times: the key is unlocked once, and the site's file read once.
 * @param looksInStore for a keyset that the server does not show yet: who changes the administrators does not
 *   wait for a minute
 * @throws as it does, without what a server answers
 */
export async function sessionsOf(
  context: Context,
  looksInStore = true,
): Promise<() => Promise<Session>> {
  const { terminal, home } = context;
  const site = await readSite(home);
  const named = context.server ?? site.servers[0];
  if (named === undefined) {
    throw fail('usage', 'the site names no server: give one with --server');
  }
  const server = serverAddress(named);
  const { ports, cacheKey } = await keyOf(context, site);
  const fetch = createFetch({ ca: site.ca, keeps: true });
  const open = () =>
    createSession({
      ...{ site, server, key: ports, memory: fileMemory(home.memoryFile, site) },
      ...{ program: `coatcheck ${VERSION}`, fetch, looksInStore },
      cache: fileCache(home.cacheFile, cacheKey, ({ message }) => {
        terminal.warn(`what was read now will be read again, since it cannot be kept: ${message}`);
      }),
      onDoubt: (doubt) => {
        terminal.warn(doubtText(doubt));
      },
      during: (step, work) => terminal.waiting(label(step), work),
    });
  return async () => {
    try {
      return await open();
    } catch (error) {
      throw elsewhere(error, home);
    }
  };
}

/** Where nothing answers at all the address may be the fault: how another one is given. */
function elsewhere(error: unknown, { program }: Context['home']): unknown {
  if (!(error instanceof CoatcheckError) || !error.message.endsWith(IS_IT_THERE)) return error;
  return fail(
    'server_unreachable',
    `${error.message} Another one is given by --server URL for once, and by ${program} site set-server URL for good`,
    { cause: error },
  );
}

function label(step: Step): string {
  return step.code === 'asking_server'
    ? 'asking the server'
    : `reading the history of ${step.node}`;
}
