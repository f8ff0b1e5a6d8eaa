import { sha256 } from '#platform';
import { toHex, utf8 } from '../bundle/index.ts';
import type { FileEntry, Manifest } from '../bundle/index.ts';
import { createCut } from './budget.ts';
import { compareFiles, compareSettings } from './changes.ts';
import type { DiffOptions, DiffView, FileView } from './diff-view.ts';
import { MASK } from './mask.ts';
import type { Plan } from './plan.ts';
import type { Review } from './review.ts';
import { objectionsTo } from './unseen.ts';
import { cutFile, cutName } from './varying.ts';
import type { Cut, Varying } from './varying.ts';
import type { Objection } from './warning.ts';

/** Where a value stands that differs: in a file, or in a setting by its name. */
export interface VaryingPlace {
  readonly path?: string;
  readonly setting?: string;
  readonly side: 'before' | 'after';
  /** counted from 1 */
  readonly line: number;
}

/** What a change has in common with that of other nodes, and what is its own. */
export interface Shape {
  /** SHA-256 of all that must be equal in a group, 64 hex digits */
  readonly key: string;
  /** in an order that is the same wherever the key is */
  readonly values: readonly {
    readonly kind: Varying;
    readonly place: VaryingPlace;
    readonly text: string;
  }[];
}

/** A plan about one of many nodes. */
export interface Planned {
  readonly plan: Plan;
  /** the host name in force; absent: none, or none that can be read here */
  readonly name?: string;
  readonly shape: Shape;
}

/** One value in which the members of a group differ. */
export interface Differing {
  readonly kind: Varying;
  /** wherever the same values stand */
  readonly places: readonly VaryingPlace[];
  /** By member, in their order; a masked one as {@link MASK}. */
  readonly values: readonly string[];
}

/** Nodes whose change is one: who has seen that of the first, and how the others differ, has seen all. */
export interface Group {
  /** by name, then by id */
  readonly members: readonly [Planned, ...Planned[]];
  readonly differing: readonly Differing[];
}

/** What a plan would change, without what may differ between the nodes of a group. */
export function shapeOf(
  plan: Plan & { readonly review: Review },
  before: Manifest | undefined,
  after: Manifest,
): Shape {
  const { review } = plan;
  const name = before?.metadata.hostname;
  const values: Shape['values'][number][] = [];
  const take = ({ rest, spots }: Cut, place: Omit<VaryingPlace, 'line'>): unknown => {
    for (const { kind, line, text } of spots)
      values.push({ kind, place: { ...place, line }, text });
    return rest;
  };
  const views = new Map(review.diff.files.map((file) => [file.path, file]));
  const files = compareFiles(before?.files ?? [], after.files).map((change) => {
    const view = views.get(change.path)!;
    const sideOf = (file: FileEntry | undefined, side: VaryingPlace['side']): unknown => {
      if (file === undefined) return null;
      const { path, mode, owner, uid, group, gid, content } = file;
      const cut = cutFile(content, { ...traitsOf(view), ...(name !== undefined && { name }) });
      return [mode, owner, uid, group, gid, take(cut, { path, side })];
    };
    return [
      ...[traitsOf(view), view.becomesImages ?? null],
      ...[sideOf(change.before, 'before'), sideOf(change.after, 'after')],
    ];
  });
  const settings = compareSettings(before?.metadata ?? {}, after.metadata).map((change) => {
    const sideOf = (value: string | undefined, side: VaryingPlace['side']): unknown => {
      if (value === undefined) return null;
      const cut = cutName(value, change.executes === 'no' ? name : undefined);
      return take(cut, { setting: change.name, side });
    };
    return [change.name, sideOf(change.before, 'before'), sideOf(change.after, 'after')];
  });
  const { bundle, imageInForce, fresh, warnings, diff } = review;
  const { keySource, madeBy, signer, image } = bundle;
  // Words differ as those of the machines do.
  const attested = bundle.attested && { ...bundle.attested, words: undefined };
  const { known, faults } = bundle.endorsement ?? {};
  const endorsement = { known, faults };
  const about = {
    ...{ keySource, madeBy, signer, image, attested, endorsement, imageInForce, fresh },
  };
  // Refused together, and recorded one after another: it is one change again.
  const alike = warnings.map((one) =>
    one.code === 'was_refused'
      ? [one.code, one.by, one.reason]
      : one.code === 'new_tpm'
        ? one.code
        : one,
  );
  const equal = [
    ...[plan.action, before === undefined, about, diff.unknownPaths ?? null],
    ...[plan.statements.map(({ type, expires, reason }) => [type, expires ?? null, reason])],
    ...[alike, plan.warnings, plan.objections.map(({ code }) => code), files, settings],
  ];
  return { key: toHex(sha256(utf8(JSON.stringify(equal)))), values };
}

const traitsOf = ({ path, executes, secret }: FileView) => ({ path, executes, secret });

/**
 * Puts together what is one change: first what was refused before, then what can run or let somebody in, on machines that have
 * a configuration before new ones, which always have some of it; then the largest groups, and what stands alone last.
 * @param options.showSecrets as in the review: of these files no value is masked
 */
export function groupsOf(
  planned: readonly Planned[],
  { showSecrets }: Pick<DiffOptions, 'showSecrets'>,
): Group[] {
  const byShape = new Map<string, Planned[]>();
  for (const one of planned.toSorted(byName)) {
    const members = byShape.get(one.shape.key);
    if (members === undefined) byShape.set(one.shape.key, [one]);
    else members.push(one);
  }
  const groups = [...byShape.values()].map((members) => ({
    members: members as [Planned, ...Planned[]],
    differing: differingOf(members, showSecrets),
  }));
  return groups.sort((a, b) => weight(b) - weight(a) || b.members.length - a.members.length);
}

function weight({ members: [{ plan, name }] }: Group): number {
  const codes = plan.review!.warnings.map(({ code }) => code);
  if (codes.includes('was_refused')) return 3;
  if (!codes.includes('runs_by_place') && !codes.includes('revokes_images')) return 0;
  return name === undefined ? 1 : 2;
}

const inOrder = new Intl.Collator('en', { numeric: true });

function byName(a: Planned, b: Planned): number {
  const order = inOrder.compare(a.name ?? '', b.name ?? '');
  return order !== 0 ? order : a.plan.node < b.plan.node ? -1 : 1;
}

function differingOf(
  members: readonly Planned[],
  showSecrets: DiffOptions['showSecrets'],
): Differing[] {
  const found = new Map<string, { kind: Varying; places: VaryingPlace[]; values: string[] }>();
  members[0]!.shape.values.forEach(({ kind, place }, i) => {
    const values = members.map(({ shape }) => shape.values[i]!.text);
    if (values.every((value) => value === values[0])) return;
    const key = JSON.stringify([kind, values]);
    const known = found.get(key);
    if (known === undefined) found.set(key, { kind, places: [place], values });
    else known.places.push(place);
  });
  const isShown = ({ path }: VaryingPlace): boolean =>
    showSecrets === true || (showSecrets !== false && showSecrets.includes(path!));
  return [...found.values()].map(({ kind, places, values }) => ({
    ...{ kind, places },
    values: kind === 'masked' && !places.some(isShown) ? values.map(() => MASK) : values,
  }));
}

/**
 * What is shown of each group, with at most `budget` lines in all, and what of it is not shown whole: that
 * is objected to, whoever it is about.
 * @param budget absent: all of it
 */
export function viewsOf(
  groups: readonly Group[],
  budget: number | undefined,
): { readonly views: readonly DiffView[]; readonly objections: readonly Objection[] } {
  const cut = budget === undefined ? (view: DiffView) => view : createCut(budget);
  const views = groups.map(({ members: [first] }) => cut(first.plan.review!.diff));
  const objections = views.flatMap((view) => objectionsTo(view, {}));
  return { views, objections: objections.filter(({ code }) => code === 'cut') };
}
