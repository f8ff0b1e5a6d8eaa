import { planChanges, readCurrent } from '../../admin/change.ts';
import type { Change } from '../../admin/alter.ts';
import { createFleetReader } from '../../admin/fleet.ts';
import type { ImagesView } from '../../admin/machine-says.ts';
import type { LeftOut, Target } from '../../admin/many.ts';
import type { StatusView } from '../../admin/views/status.ts';
import { checkReason } from '../../admin/plan.ts';
import { CoatcheckError } from '../../bundle/index.ts';
import { count } from '../../protocol/count.ts';
import { fail } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { MAX_GENERATION } from '../../protocol/measured.ts';
import { nameText } from '../../words/status.ts';
import { when } from '../../words/time.ts';
import type { ConsentFlags } from '../confirm.ts';
import type { Context } from '../context.ts';
import { parseGeneration, readGeneration, writeGeneration } from '../image/generation.ts';
import { shownBy } from '../review.ts';
import { openSession } from '../session.ts';
import { table } from '../table.ts';
import { targetsOf } from '../targets.ts';
import { exists } from '../../files/write.ts';
import { signGroups } from './approve-many.ts';
import { tellingOf } from './many.ts';

/** What `coatcheck image revoke` was told. */
export interface ImageRevokeOptions extends ConsentFlags {
  readonly new?: boolean;
  /** A number */
  readonly below?: string;
  readonly all?: boolean;
  readonly where?: string;
  readonly expect?: string;
  readonly reason?: string;
}

/**
 * `coatcheck image revoke`, in stages: what machines run; `--new`: images are signed with the next generation; `--below N`:
 * images before that are revoked on machines that run a newer one.
 */
export async function imageRevoke(
  context: Context,
  words: readonly string[],
  options: ImageRevokeOptions,
): Promise<void> {
  const { below } = options;
  if (options.new === true) await beginGeneration(context);
  else if (below !== undefined) await revokeBelow(context, words, below, options);
  else if (words.length === 0) await showGenerations(context);
  else throw fail('usage', 'which images? --below N revokes those of earlier generations than N');
}

async function beginGeneration({ terminal, home }: Context): Promise<void> {
  const folder = home.imageKeys;
  if (!(await exists(folder))) {
    throw fail(
      'file_missing',
      `${folder} does not exist: ${home.program} image keys makes the keys that sign images`,
    );
  }
  const generation = (await readGeneration(folder)) + 1;
  if (generation > MAX_GENERATION) throw fail('usage', `${MAX_GENERATION} is the last generation`);
  await writeGeneration(folder, generation);
  terminal.document({ generation });
  terminal.print(`from now on images are signed with generation ${generation}; none is revoked`);
  terminal.hint(
    `next: ${home.program} image sign, start the machines with it, then ${home.program} image revoke --below ${generation}`,
  );
}

/** What a machine last said of its image; undefined where that is older than what was seen, or there is nothing. */
function imagesOf({ machine }: StatusView): ImagesView | undefined {
  return machine !== undefined && !('problem' in machine) && !machine.isOlder
    ? machine.images
    : undefined;
}

async function showGenerations(context: Context): Promise<void> {
  const { terminal, home } = context;
  const session = await openSession(context);
  const generation = await readGeneration(home.imageKeys);
  const fleet = await terminal.waiting('looking at every node', () =>
    createFleetReader(session).look(),
  );
  const rows = fleet
    .map((view) => ({ view, images: imagesOf(view) }))
    .sort((a, b) => (a.images?.generation ?? 0) - (b.images?.generation ?? 0));
  terminal.document({
    generation,
    nodes: rows.map(({ view, images }) => ({ node: view.node, ...(images && { images }) })),
  });
  terminal.print(`images are signed with generation ${generation}`);
  const orDash = (value: string | undefined): string => value ?? '-';
  const lines = rows.map(({ view, images }) => [
    ...[view.node, nameText(view), orDash(images && String(images.generation))],
    orDash(images && (images.revokedBelow > 1 ? `below ${images.revokedBelow}` : 'none')),
    view.machine === undefined ? '-' : when(view.machine.stored),
  ]);
  if (lines.length === 0) return;
  const head = ['NODE', 'NAME', 'GENERATION', 'REVOKED', 'REPORTED'].map(terminal.style.dim);
  for (const line of table([head, ...lines])) terminal.print(line);
  const lagging = rows.filter(({ images }) => (images?.generation ?? 0) < generation);
  terminal.hint(
    lagging.length === 0
      ? 'all of them run an image of this generation, as they say'
      : `${count(lagging.length, 'node')} of ${rows.length} did not say that an image of generation ${generation} runs`,
  );
}

async function revokeBelow(
  context: Context,
  words: readonly string[],
  text: string,
  { all = false, where, expect, reason = '', ...flags }: ImageRevokeOptions,
): Promise<void> {
  const { terminal } = context;
  const below = parseGeneration(text) ?? 0;
  if (below < 2)
    throw fail('usage', `--below ${text} is no generation from 2 to ${MAX_GENERATION}`);
  checkReason(reason);
  const session = await openSession(context);
  const filter = all ? 'id~*' : where;
  const meant = await targetsOf(session, terminal, { words, where: filter, expect }, 'approve');
  const fleet = await terminal.waiting('looking at what they run', () =>
    createFleetReader(session).look(),
  );
  const views = new Map(fleet.map((view) => [view.node, view]));
  const sorted = meant.targets.map((target) => ({
    target,
    why: whyNot(views.get(target.node), below),
  }));
  const isLeft = (one: { target: Target; why: LeftOut['why'] | undefined }) =>
    one.why !== undefined;
  const refused = sorted.filter(isLeft).map(({ target: { node }, why }): LeftOut => {
    const name = views.get(node)?.name;
    return { node, ...(name !== undefined && { name }), why: why! };
  });
  const targets = sorted.filter((one) => !isLeft(one)).map(({ target }) => target);
  const current = await readCurrent(session, targets, tellingOf(terminal));
  const change: Change = ({ files, metadata }) => ({
    files,
    metadata: { ...metadata, generation: Math.max(below, metadata.generation ?? 0) },
  });
  const { budget, ...shown } = shownBy(terminal, {});
  const plans = await planChanges(session, current.planned, change, { ...shown, reason });
  const leftOut = [...meant.leftOut, ...refused, ...current.leftOut, ...plans.leftOut];
  await signGroups(
    session,
    terminal,
    { ...plans, leftOut },
    {
      ...{ verb: `FOR EVER: revoke images before generation ${below} on`, noun: 'node', flags },
      ...{ byNumber: true, expect: meant.expect },
    },
    { ...shown, ...(budget !== undefined && { budget }) },
  );
}

/** Why images are not revoked on a machine: it would not start any more, or it is so. */
function whyNot(view: StatusView | undefined, below: number): LeftOut['why'] | undefined {
  const images = view && imagesOf(view);
  if (images !== undefined && images.revokedBelow >= below) return { code: 'same' };
  if (images !== undefined && images.generation >= below) return undefined;
  const what =
    images === undefined
      ? 'its last report does not say which image it runs with a bound key'
      : `its last report says that it runs an image of generation ${images.generation}`;
  const error: CoatcheckError<ErrorCode> = fail(
    'step_failed',
    `${what}: start one of generation ${below} there first`,
  );
  return { code: 'error', error };
}
