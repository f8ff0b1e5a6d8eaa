import type { Context, Hono } from 'hono';
import type { Child } from 'hono/jsx';
import { isNodeId } from '../protocol/keys.ts';
import { fail } from '../protocol/errors.ts';
import { escapeLine } from '../protocol/escape.ts';
import { CoatcheckError } from '../bundle/index.ts';
import type { NodeId } from '../bundle/index.ts';
import { claimsOf } from '../admin/views/status.ts';
import type { StatusView } from '../admin/views/status.ts';
import type { Desk, Shown } from './desk.ts';
import type { Gate } from './gate.ts';
import type { ConfirmProps } from './page/confirm.tsx';

/** How a confirmation looks. */
export type Confirmation = Omit<ConfirmProps, 'shown' | 'id' | 'token' | 'tried'>;

/** What was shown, and what the form says with it. */
export interface Consented {
  readonly shown: Shown;
  readonly reason: string;
  readonly expires: number | 'never' | undefined;
}

/** What every route of the page has at hand. */
export interface Around {
  readonly app: Hono;
  readonly desk: Desk;
  readonly gate: Gate;
  /** Until when approvals are good unless somebody says otherwise, as `parseExpiry` takes it. */
  readonly usualExpiry: string | undefined;
  /** A whole page. */
  readonly screen: (
    context: Context,
    title: string,
    content: Child,
    options?: { readonly isLive?: boolean; readonly status?: 200 | 404 },
  ) => Promise<Response>;
  /** The form at the end of a review: what is shown is kept, and only that is done. */
  readonly confirm: (context: Context, shown: Shown, how: Confirmation) => Child;
  /**
   * What a form was given for that is sent now, once, and what it says; or the way back to its screen, with what was
   * written and what is wrong with that. Only a form with which nothing is wrong uses it up.
   * @throws usage for a review that was used or is too old
   */
  readonly consented: (
    context: Context,
    form: Readonly<Record<string, unknown>>,
  ) => Promise<Consented | Response>;
  /** How a node stood at the last look. */
  readonly viewOf: (node: NodeId) => StatusView | undefined;
}

/** @throws not_found */
export function nodeIn(context: Context): NodeId {
  const node = context.req.param('node') ?? '';
  if (!isNodeId(node)) throw fail('not_found', 'that is no id of a node');
  return node;
}

/** As a heading has it. */
export function nameOf(view: StatusView | undefined, node: NodeId): string {
  if (view?.name !== undefined) return escapeLine(view.name);
  const [claim] = view === undefined ? [] : claimsOf(view);
  return claim === undefined ? node : `${node}, which claims ${escapeLine(claim)}`;
}

/** What a person wrote wrongly is told beside what they wrote. @returns the error of ours that `work` throws */
export async function orError<T>(work: () => T | Promise<T>): Promise<T | CoatcheckError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CoatcheckError) return error;
    throw error;
  }
}

/** Of a field of a form; empty for none, and for a file. */
export const text = (value: unknown): string => (typeof value === 'string' ? value : '');
