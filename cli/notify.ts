import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import * as v from 'valibot';
import type { StatusView } from '../admin/views/status.ts';
import { claimsOf } from '../admin/views/status.ts';
import { deriveIdentity, fromBase64Url, toBase64Url, utf8 } from '../bundle/index.ts';
import type { Identity } from '../bundle/index.ts';
import { readLocalFile } from '../files/read.ts';
import { textIn } from '../files/text.ts';
import { createFile } from '../files/write.ts';
import { EVENT_KINDS, eventId, messageOf, NO_DIGEST } from '../functions/notify/event.ts';
import type { EventKind, NotifyEvent } from '../functions/notify/event.ts';
import { createNotifier } from '../functions/notify/notifier.ts';
import { command, webhook } from '../functions/notify/receivers.ts';
import type { Receiver } from '../functions/notify/receivers.ts';
import { toldFile } from '../functions/notify/told-file.ts';
import { fail, hasCode } from '../protocol/errors.ts';
import { escapeLine } from '../protocol/escape.ts';
import type { Site } from '../protocol/site.ts';
import type { Context } from './context.ts';

/** Who is told. */
export interface NotifyFlags {
  readonly notifyUrl: readonly string[];
  readonly notifyCommand: readonly string[];
}

/** Tells all of them. */
export interface Notifying {
  saw(events: readonly NotifyEvent[]): void;
  stop(): Promise<void>;
}

/**
 * What tells everybody whom the command line names; undefined where it names nobody. What was told is kept beside the
 * site, in a file for each of them, and so is the key that signs.
 * @throws usage, what the files throw
 */
export async function openNotifying(
  { home, terminal, env }: Context,
  site: Site,
  { notifyUrl, notifyCommand }: NotifyFlags,
): Promise<Notifying | undefined> {
  if (notifyUrl.length + notifyCommand.length === 0) return undefined;
  const now = (): number => Math.floor(Date.now() / 1000);
  const identity = await notifyKey(join(home.folder, 'notify.key'));
  const named: (readonly [name: string, receiver: Receiver])[] = [
    ...notifyUrl.map((url) => [`url ${url}`, webhook(url, { site, identity, now })] as const),
    ...notifyCommand.map((line) => [`command ${line}`, command(line, env)] as const),
  ];
  if (notifyUrl.length > 0) {
    terminal.hint(`notifications are signed by the key ${toBase64Url(identity.signKey)}`);
  }
  const notifiers = named.map(([name, receiver]) => {
    const digest = createHash('sha256').update(name).digest('hex').slice(0, 16);
    return createNotifier({
      send: (events, signal) => receiver(messageOf(events, site, now()), signal),
      told: toldFile(join(home.folder, `told-${digest}.json`)),
      now,
      failed: (error) => {
        terminal.warn(escapeLine(error instanceof Error ? error.message : String(error)));
      },
    });
  });
  return {
    saw: (events) => {
      for (const notifier of notifiers) notifier.saw(events);
    },
    stop: async () => {
      await Promise.all(notifiers.map((notifier) => notifier.stop()));
    },
  };
}

const KeyFile = v.strictObject({
  coatcheck: v.literal('notify-key/1'),
  seed: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/)),
});

/** The key of a file, which is made where there is none. @throws file_unsafe, file_malformed, file_denied */
async function notifyKey(path: string): Promise<Identity> {
  const file: v.InferInput<typeof KeyFile> = {
    coatcheck: 'notify-key/1',
    seed: toBase64Url(randomBytes(32)),
  };
  try {
    await createFile(path, utf8(`${JSON.stringify(file)}\n`), 0o600);
  } catch (error) {
    if (!hasCode(error, 'file_exists')) throw error;
  }
  const content = await readLocalFile(path, { maxBytes: 1024, secret: true });
  try {
    return deriveIdentity(fromBase64Url(v.parse(KeyFile, JSON.parse(textIn(content, path))).seed));
  } catch {
    // Without a cause: it would quote the file.
    throw fail(
      'file_malformed',
      `${path} is no key that signs notifications: remove it, and it is made`,
    );
  }
}

/** What there is to tell of nodes, for an administrator who sees their names. */
export function statusEvents(views: readonly StatusView[], site: Pick<Site, 'id'>): NotifyEvent[] {
  return views.flatMap((view) => {
    const { node, words, name, states, decision, waiting } = view;
    const about = (digest: string, kind: EventKind): NotifyEvent => ({
      ...{ id: eventId(site.id, node, digest, kind), kind, node, words },
      ...(name === undefined ? {} : { name }),
    });
    const [claims] = claimsOf(view);
    return EVENT_KINDS.filter((kind) => states.includes(kind)).flatMap((kind) => {
      if (kind === 'waiting') {
        return waiting.map(({ digest, modified: since }) => ({
          ...about(digest, kind),
          ...{ since, ...(claims === undefined || name !== undefined ? {} : { claims }) },
        }));
      }
      const end = kind === 'expired' || kind === 'expiring' ? decision?.expires : undefined;
      const event = about(decision?.statementDigest ?? NO_DIGEST, kind);
      return [end === undefined ? event : { ...event, expires: end }];
    });
  });
}
