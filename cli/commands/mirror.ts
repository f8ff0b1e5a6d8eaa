import { resolve, sep } from 'node:path';
import { mirrorStore } from '../../functions/mirror/mirror.ts';
import type { MirrorOutcome } from '../../functions/mirror/mirror.ts';
import type { StoreFlags } from '../../functions/stores/kind.ts';
import { storePlace } from '../../functions/stores/kinds.ts';
import { count } from '../../protocol/count.ts';
import { fail } from '../../protocol/errors.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { when } from '../../words/time.ts';
import type { Context } from '../context.ts';
import { readSite } from '../site-file.ts';
import { openWhole } from '../whole-store.ts';

/**
 * `coatcheck mirror`: what is approved, as files that any web server can serve. Needs the credentials of the store and
 * the site's `site.json`; never the administrator's key.
 * @throws does_not_verify, once all else is done, where something of the store was not taken; as `mirrorStore`
 */
export async function mirror(
  context: Context,
  to: string,
  { prune, ...flags }: StoreFlags & { readonly prune: boolean },
): Promise<void> {
  const { terminal, home } = context;
  if (/^[a-z0-9+.-]+:\/\//i.test(to)) {
    throw fail(
      'usage',
      `a mirror is made in a folder, and ${escapeLine(to)} is none: send that on, with rsync for example`,
    );
  }
  const folder = resolve(to);
  const place = storePlace(flags, home);
  const stores = place.kind === 'filesystem' ? [place.folder] : [];
  if ([home.folder, ...stores].some((own) => isBelow(own, folder) || isBelow(folder, own))) {
    throw fail(
      'usage',
      'a mirror is made in a folder of its own: beside the keys and the store a web server would serve those, too',
    );
  }
  const site = await readSite(home);
  const now = (): number => Math.floor(Date.now() / 1000);
  const { whole: store } = await openWhole(place, site);
  const outcome = await mirrorStore(store, folder, site, { now, prune });
  terminal.document({ ...outcome, folder });
  say(context, folder, outcome);
}

function say({ terminal }: Context, folder: string, outcome: MirrorOutcome): void {
  const { asOf, machines, written, removed, endless, lastEnd, junk, newer, gone } = outcome;
  terminal.print(
    `mirrored ${count(machines, 'machine')} as of ${when(asOf)}: ${written} written, ${removed} removed`,
  );
  if (lastEnd !== undefined) {
    const which = endless === 0 ? 'every copy' : 'what has an end';
    terminal.print(`${which} is refused from ${when(lastEnd)} on, however old the mirror is`);
  }
  if (endless > 0) {
    terminal.print(
      `${count(endless, 'configuration')} without an end: a machine that remembers nothing takes an old copy for ever (renew --expires)`,
    );
  }
  for (const { key, code } of junk) terminal.warn(`${escapeLine(key)} does not verify: ${code}`);
  for (const node of newer)
    terminal.warn(`${node}: the mirror has a newer decision than the store`);
  for (const node of gone) terminal.warn(`${node}: only the mirror has it`);
  const wrong = junk.length + newer.length + gone.length;
  if (wrong === 0) return;
  const hint =
    newer.length + gone.length === 0
      ? 'coatcheck repair shows what is in force'
      : 'is it an older copy of the store, or another? --prune takes away what only the mirror has';
  throw fail(
    'does_not_verify',
    `${count(wrong, 'machine')} in ${folder} stayed as it was: ${hint}`,
  );
}

const isBelow = (path: string, folder: string): boolean =>
  `${path}${sep}`.startsWith(folder === sep ? sep : `${folder}${sep}`);
