import type { Outcome } from '../admin/decide.ts';

let isSent = false;
const decided: Outcome[] = [];
let isUnread = false;

/** A statement leaves: until its outcome nobody knows whether it is decided. */
export function sending(): void {
  isSent = true;
}

/** It is decided. */
export function recorded(outcome: Outcome): void {
  isSent = false;
  decided.push(outcome);
}

/** The answer came, and it was a refusal; or it is said that none came. */
export function answered(): void {
  isSent = false;
}

/** Whether anything was decided, or may be, by this process. */
export const mayHaveDecided = (): boolean => isSent || decided.length > 0;

/** What an end of this process in the middle leaves behind, in a few words. */
export function whatIsLeft(): string {
  const done = decided.map(({ type, node, seq }) => `${type} of ${node} (seq ${seq}) is decided`);
  if (isSent) {
    done.push(
      'whether the decision that was sent is recorded is not known: look at coatcheck history, and send it again if it is not there',
    );
  }
  return done.length > 0 ? done.join('; ') : 'nothing is half-written';
}

/** Nobody reads stdout any more. */
export function notRead(): void {
  isUnread = true;
}

/** Whether a person can have seen what was printed. */
export const isReadNoMore = (): boolean => isUnread;
