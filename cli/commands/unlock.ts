import { keyWords } from '../../admin/administrators.ts';
import { deriveIdentity } from '../../bundle/index.ts';
import { fail } from '../../protocol/errors.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { when } from '../../words/time.ts';
import { confirm } from '../confirm.ts';
import { ownPassphrase, readKeyFile } from '../context.ts';
import type { Context } from '../context.ts';
import { nextInterrupt } from '../interrupt.ts';
import { helloAt } from '../keeper/ask.ts';
import { keep } from '../keeper/keep.ts';
import { keptFor } from '../keeper/key-of.ts';
import { makePlace, placeOf } from '../keeper/place.ts';
import type { Place } from '../keeper/place.ts';
import { startKeeper } from '../keeper/start.ts';
import { secondsOf } from '../keeper/until.ts';
import { publicKeysIn, seedInKeyFile } from '../key-file.ts';
import { readSite } from '../site-file.ts';

/** What `coatcheck unlock` was told. */
export interface UnlockOptions {
  readonly for: string;
  readonly here: boolean;
}

/** `coatcheck unlock`: a process that has the key for the commands of this user, for a time. */
export async function unlockKey(context: Context, options: UnlockOptions): Promise<void> {
  const { terminal, home, env } = context;
  const seconds = secondsOf(options.for);
  if (options.here && (!terminal.interactive || terminal.json)) {
    throw fail('usage', '--here is for a terminal, where somebody can be asked');
  }
  const { id: site } = await readSite(home);
  const content = await readKeyFile(home);
  const keys = publicKeysIn(content, home.keyFile);
  const place = await placeOf(home, { id: site }, keys.signKey, env);
  await makePlace(place);
  await demandLocked(place);
  const seed = await seedInKeyFile(content, () => ownPassphrase(context), home.keyFile);
  const until = Math.floor(Date.now() / 1000) + seconds;
  const words = keyWords(keys);
  const said = `unlocked until ${when(until)}: the key with the words ${words}`;
  if (!options.here) {
    const pid = await startKeeper(seed, { site, place, until });
    terminal.print(said);
    terminal.hint('coatcheck lock ends it sooner');
    terminal.document({ until, words, pid, asks: false });
    return;
  }
  let asked: Promise<void> = Promise.resolve();
  const keeper = await keep({
    ...{ identity: deriveIdentity(seed), site, place, until },
    onSigned: (line) => terminal.print(`signed ${escapeLine(line)}`),
    // Two commands may ask at once.
    ask: (question) => {
      const answer = asked.then(() => confirm([], terminal, escapeLine(question), {}));
      asked = answer.catch(() => undefined);
      return answer;
    },
  });
  seed.fill(0);
  terminal.print(said);
  terminal.hint('Ctrl-C locks it');
  void nextInterrupt().then(keeper.lock);
  await keeper.ended;
  terminal.print('locked');
  // A question may still stand there.
  process.exit(0);
}

/** @throws in_use: then no passphrase needs to be asked for */
async function demandLocked({ path }: Place): Promise<void> {
  const hello = await helloAt(path);
  if (hello === undefined) return;
  throw fail(
    'in_use',
    `the key is unlocked already, until ${when(hello.until)}: coatcheck lock ends that`,
  );
}

/** `coatcheck unlock --status` */
export async function unlockStatus(context: Context): Promise<void> {
  const kept = await keptFor(context, await readSite(context.home));
  if (kept === undefined) throw fail('not_found', 'the key is locked: coatcheck unlock opens it');
  const { until, pid, asks } = kept.hello;
  const words = keyWords(kept.hello);
  kept.close();
  context.terminal.print(
    `unlocked until ${when(until)}, ${asks ? 'asking at its own terminal' : 'asking nobody'} (process ${pid}): the key with the words ${words}`,
  );
  context.terminal.document({ until, words, pid, asks });
}

/** `coatcheck lock`: nothing to do is done as well. */
export async function lockKey(context: Context): Promise<void> {
  const kept = await keptFor(context, await readSite(context.home));
  await kept?.lock();
  context.terminal.print(kept === undefined ? 'the key was locked' : 'locked');
  context.terminal.document({ locked: true, was: kept !== undefined });
}
