import { copyStore } from '../../functions/copy/copy.ts';
import { verifyStore } from '../../functions/copy/verify.ts';
import { storePlace } from '../../functions/stores/kinds.ts';
import type { StorePlace } from '../../functions/stores/kinds.ts';
import { count } from '../../protocol/count.ts';
import { fail } from '../../protocol/errors.ts';
import { escapeLine } from '../../protocol/escape.ts';
import type { Context } from '../context.ts';
import { readSite } from '../site-file.ts';
import { openWhole } from '../whole-store.ts';

/** Where a bucket is, as far as an option says so. */
interface Side {
  readonly endpoint?: string;
  readonly region: string;
  readonly credentials?: string;
}

/** The options of `coatcheck store copy`. */
export interface StoreCopyFlags {
  readonly fromEndpoint?: string;
  readonly fromRegion: string;
  readonly fromCredentials?: string;
  readonly toEndpoint?: string;
  readonly toRegion: string;
  readonly toCredentials?: string;
}

/**
 * `coatcheck store copy`: all objects of a site to another store. Needs the credentials of both, and the
 * site's `site.json`; never the administrator's key.
 * @throws as `copyStore`
 */
export async function storeCopy(
  context: Context,
  from: string,
  to: string,
  flags: StoreCopyFlags,
): Promise<void> {
  const { terminal } = context;
  const site = await readSite(context.home);
  const source = placeOf(context, from, 'from-', {
    ...{ region: flags.fromRegion },
    ...(flags.fromEndpoint !== undefined && { endpoint: flags.fromEndpoint }),
    ...(flags.fromCredentials !== undefined && { credentials: flags.fromCredentials }),
  });
  const target = placeOf(context, to, 'to-', {
    ...{ region: flags.toRegion },
    ...(flags.toEndpoint !== undefined && { endpoint: flags.toEndpoint }),
    ...(flags.toCredentials !== undefined && { credentials: flags.toCredentials }),
  });
  if (JSON.stringify(source) === JSON.stringify(target)) {
    throw fail('usage', 'a store is not copied to itself');
  }
  const told = (text: string): void => {
    terminal.hint(text);
  };
  const { whole: copied } = await openWhole(source, site);
  const { whole: copy, hold } = await openWhole(target, site, { create: true });
  const giveBack = await hold?.(told);
  const outcome = await copyStore(copied, copy, site, told).finally(() => giveBack?.());
  terminal.document(outcome);
  const { objects, written, removed } = outcome;
  terminal.print(`copied ${count(objects, 'object')}: ${written} written, ${removed} removed`);
  terminal.hint(`next: ${context.home.program} store verify ${to}, before it can be served`);
}

/**
 * `coatcheck store verify`: whether each object of a store verifies, and of a copy, whether it is what was copied.
 * @throws as `verifyStore`
 */
export async function storeVerify(context: Context, text: string, side: Side): Promise<void> {
  const { terminal } = context;
  const site = await readSite(context.home);
  const { whole: store } = await openWhole(placeOf(context, text, '', side), site);
  const { objects, junk, junkCount, wasCopy } = await verifyStore(store, site);
  terminal.document({ objects, junk, junkCount, wasCopy });
  for (const { key, code } of junk) terminal.print(`junk  ${escapeLine(key)}: ${code}`);
  if (junkCount > junk.length) terminal.print(`junk  and ${junkCount - junk.length} more`);
  const result = wasCopy ? 'they are what was copied: the store may be served' : 'all verify';
  terminal.print(`${count(objects, 'object')}: ${result}`);
}

function placeOf(context: Context, text: string, option: string, side: Side): StorePlace {
  if (/^s3:/i.test(text) && side.credentials === undefined) {
    throw fail('usage', `${text} needs --${option}credentials FILE with its three key pairs`);
  }
  return storePlace({ ...side, store: text }, context.home);
}
