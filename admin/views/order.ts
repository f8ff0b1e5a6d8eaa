import { STATES } from './states.ts';
import type { State } from './states.ts';
import { claimsOf } from './status.ts';
import type { StatusView } from './status.ts';

type Order = (a: StatusView, b: StatusView) => number;

const byText = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);
const rank = ({ states }: StatusView): number => STATES.indexOf(states[0] as State);
const nameOf = (view: StatusView): string => view.name ?? claimsOf(view)[0] ?? '';

/** Orders of nodes. What is equal stays by id, so that a second look has the same order. */
export const ORDERS: Readonly<Record<string, Order>> = {
  node: (a, b) => byText(a.node, b.node),
  name: (a, b) => byText(nameOf(a), nameOf(b)),
  state: (a, b) => rank(a) - rank(b) || byText(nameOf(a), nameOf(b)),
  since: (a, b) => (a.since ?? Infinity) - (b.since ?? Infinity),
};
