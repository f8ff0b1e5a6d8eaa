import type { Context } from 'hono';
import { createCut, REVIEW_LINES } from '../admin/budget.ts';
import type { DiffView } from '../admin/diff-view.ts';
import type { Plan } from '../admin/plan.ts';
import type { Review } from '../admin/review.ts';
import { objectionsTo } from '../admin/unseen.ts';

/** What a screen shows of plans: not more than a person reads at once, unless all of it was asked for. */
export interface Cutting {
  /** One plan after another, with what those before have left; what executes and is cut is objected to. */
  readonly shown: (plan: Plan, review: Review) => { readonly plan: Plan; readonly review: Review };
  readonly cut: (diff: DiffView) => DiffView;
  /** The address of a part of the same screen: with all of it where this has. */
  readonly at: (address: string) => string;
  /** Where the same screen is with all of it; absent: here. */
  readonly whole?: string;
}

/** {@link Cutting} of the screen that is asked for. */
export function cutting({ req }: Context): Cutting {
  if (req.query('full') !== undefined)
    return {
      shown: (plan, review) => ({ plan, review }),
      cut: (diff) => diff,
      at: (address) => `${address}${address.includes('?') ? '&' : '?'}full=`,
    };
  const cut = createCut(REVIEW_LINES);
  const { pathname, searchParams } = new URL(req.url);
  searchParams.set('full', '');
  return {
    ...{ cut, at: (address) => address },
    shown: (plan, review) => {
      const diff = cut(review.diff);
      const unseen = objectionsTo(diff, {}).filter(({ code }) => code === 'cut');
      const objections = [...plan.objections, ...unseen];
      return { plan: { ...plan, objections }, review: { ...review, diff } };
    },
    whole: `${pathname}?${searchParams.toString()}`,
  };
}
