import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createFleetReader } from '../../admin/fleet.ts';
import type { StatusView } from '../../admin/views/status.ts';
import { utf8 } from '../../bundle/index.ts';
import { createFile, exists } from '../../files/write.ts';
import { count } from '../../protocol/count.ts';
import { fail } from '../../protocol/errors.ts';
import { keyId, pcrKeysOf, shortKeyId } from '../../protocol/measured.ts';
import type { PcrKey } from '../../protocol/measured.ts';
import { namesText, shortName } from '../../words/names.ts';
import type { Context } from '../context.ts';
import { PCR, sealImageKey } from '../image/image-keys.ts';
import { pcrKeyFiles, pcrKeysIn } from '../image/pcr-keys.ts';
import { pcrKeyOf, pemOfPcrKey } from '../image/sign-policies.ts';
import { openSession } from '../session.ts';
import { readSite } from '../site-file.ts';
import { nameInSite, passphraseOfFolder, pcrKeyFrom, warnInClear } from './image-keys.ts';
import type { ImageKeysOptions } from './image-keys.ts';

/** `coatcheck image keys --rotate`: another key for policies, beside the one that machines are bound to. */
export async function rotatePcrKey(
  context: Context,
  { from, noPassphrase }: ImageKeysOptions,
): Promise<void> {
  const { terminal, home } = context;
  const [folder, site] = [home.imageKeys, await readSite(home)];
  const [old, older] = pcrKeysOf(site);
  if (old === undefined || !(await exists(folder))) {
    throw fail(
      'usage',
      `there is no key for policies to go on from: ${home.program} image keys makes one`,
    );
  }
  if (older !== undefined) {
    throw fail(
      'usage',
      `${home.siteFile} names two keys for policies already: ${home.program} image keys --end-rotation first`,
    );
  }
  // Whoever rotates signs with both.
  await pcrKeysIn(folder, site);
  const pem = await pcrKeyFrom(from);
  const key = pcrKeyOf(pem);
  if (keyId(key) === keyId(old)) throw fail('usage', 'that is the key which the site has');
  const passphrase = noPassphrase ? undefined : await passphraseOfFolder(context);
  // A name of its own: nothing that is there moves, and what is cut short here counts for nothing.
  const path = join(folder, `${PCR}-${shortKeyId(key)}`);
  await createFile(`${path}.key`, await sealImageKey(PCR, pem, passphrase), 0o600);
  await createFile(`${path}.pem`, utf8(pemOfPcrKey(key)), 0o600);
  await nameInSite(home, site, key, old);
  if (noPassphrase) warnInClear(terminal);
  terminal.document({ keys: folder, pcrKey: keyId(key), before: keyId(old) });
  terminal.print(`made ${path}.key, the key for policies, which ${home.siteFile} has now:`);
  terminal.print(`  ${PCR}     ${keyId(key)}`);
  terminal.print(`  before  ${keyId(old)}`);
  terminal.hint(
    `next: build an image (npm run image -- --uki), sign it, boot the machines by it, and ${home.program} transfer --successors`,
  );
}

/**
 * `coatcheck image keys --end-rotation`: the key before is dropped, and its files are removed.
 * @param leaveBehind how many machines that still have a configuration by it are given up
 * @throws usage where there is one key; in_force where others are left
 */
export async function endRotation(
  context: Context,
  { leaveBehind = '0' }: { readonly leaveBehind?: string },
): Promise<void> {
  const { terminal, home } = context;
  const site = await readSite(home);
  const [key, old] = pcrKeysOf(site);
  if (key === undefined || old === undefined) {
    throw fail(
      'usage',
      `${home.siteFile} does not name two keys for policies: no rotation is under way`,
    );
  }
  if (!/^\d{1,7}$/.test(leaveBehind)) throw fail('usage', '--leave-behind says how many machines');
  const session = await openSession(context);
  const views = await createFleetReader(session).look({ withoutReports: true });
  const { left, unknown } = machinesOf(views, old);
  const names = namesText(left.map((view) => shortName(view)));
  if (left.length !== Number(leaveBehind)) {
    throw fail(
      'in_force',
      left.length === 0
        ? `no machine has a configuration by the key before: without --leave-behind ${leaveBehind}`
        : `${count(left.length, 'machine')} ${left.length === 1 ? 'has' : 'have'} a configuration in force by the key before: ${names}. ${home.program} transfer --successors moves those that booted the new image; revoke what is gone; --leave-behind ${left.length} gives them up, and each needs its words then`,
      { details: { left: left.length } },
    );
  }
  // While the site names it, what is cut short here is gone on with by the same command.
  const removed: string[] = [];
  for (const file of await pcrKeyFiles(home.imageKeys)) {
    if (keyId(file.key) !== keyId(old)) continue;
    for (const path of [file.path, file.path.replace(/\.key$/, '.pem')]) {
      await rm(path, { force: true });
      removed.push(path);
    }
  }
  await nameInSite(home, site, key);
  terminal.document({
    ...{ pcrKey: keyId(key), dropped: keyId(old), removed },
    ...{ left: left.map(({ node }) => node), unknown: unknown.map(({ node }) => node) },
  });
  terminal.print(`${home.siteFile} names one key for policies: ${keyId(key)}`);
  for (const path of removed) terminal.print(`removed ${path}`);
  if (left.length > 0) terminal.warn(`left behind: ${names}`);
  if (unknown.length > 0) {
    terminal.warn(
      `what is in force for ${count(unknown.length, 'machine')} does not say which key it is by: ${namesText(unknown.map((view) => shortName(view)))}`,
    );
  }
  terminal.hint(
    'next: build an image and sign it, and sign again what has policies of both keys; a machine that boots one of these cannot show any more which one it was',
  );
}

/** Machines with a configuration in force that are bound to a key, and those of which that is not known. */
function machinesOf(views: readonly StatusView[], old: PcrKey) {
  const configured = views.filter(({ bundle }) => bundle !== undefined);
  return {
    left: configured.filter(({ pcrKey }) => pcrKey === shortKeyId(old)),
    unknown: configured.filter(
      ({ pcrKey, keySource }) => pcrKey === undefined && (keySource ?? 'tpm') === 'tpm',
    ),
  };
}
