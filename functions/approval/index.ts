export { decide } from './decide.ts';
export type { DecisionOutcome } from './decide.ts';
export type { DecisionRequest } from './demands.ts';
export { publishInForce, publishRejection } from './publish.ts';
export type { NodeRecord } from './publish.ts';
export { repair, settleDecided } from './repair.ts';
export type { RepairOutcome } from './repair.ts';
