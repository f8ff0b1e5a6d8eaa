/**
 * What an administrator's program does, without a terminal: the same in Node and in a browser.
 *
 * A session ({@link createSession}) finds nodes and what waits, reads and verifies records, opens
 * bundles. A decision is a plan ({@link planApprove} and its like: what would be signed, with a
 * review), a consent, which is the caller's to ask for, and an outcome ({@link sign}). What there is
 * to show are views: plain values, of one shape here, on a page, and in the JSON of the command.
 */
export { createSession } from './session.ts';
export type { Session, SessionOptions, Step } from './session.ts';
export type { Announcement, KeyPorts, OpenPort, SignPort } from './key.ts';
export { localKey } from './local-key.ts';
export {
  administratorWith,
  keysetWords,
  keyWords,
  lackingOn,
  planAdd,
  planBegun,
  planRemove,
  planThreshold,
  putBackKeysets,
  signKeysetPlan,
} from './administrators.ts';
export type { KeysetPlan, KeysetWarning } from './administrators.ts';
export {
  formatBegun,
  formatKeyRequest,
  parseBegun,
  parseKeyRequest,
  siteNow,
} from './key-request.ts';
export { lookAtCosigned, planCosign } from './cosign.ts';
export type { CosignPlan } from './cosign.ts';
export { cosignedView, signaturesText } from './cosigned.ts';
export type { Cosigned, CosignedView } from './cosigned.ts';
export {
  beginningOf,
  formatBegunCapability,
  formatMonitor,
  giveCapability,
  parseBegunCapability,
  parseMonitor,
  readStates,
  signCapabilityToo,
  withSignatures,
} from './monitor.ts';
export type { BegunCapability, Monitor, MonitorView } from './monitor.ts';
export { lackingReseal, planReseal, resealNodes, waitingForOthers } from './reseal.ts';
export type { Resealed } from './reseal.ts';
export { emptyMemory, formatMemory, mergeMemories, parseMemory } from './memory.ts';
export type { Memory, MemoryPort, Seen } from './memory.ts';
export { doubt } from './doubt.ts';
export type { Doubt, RecordDoubt } from './doubt.ts';
export type { Listed, Objects, ReadObject } from './objects.ts';
export type { NodeRecord } from './record.ts';

export { findBundle, knownNodes, lookAt, waiting } from './find.ts';
export type { BundlePlace, Standing, Waiting } from './find.ts';
export { findNode, isFirst, MIN_FIRST_CHARACTERS, selectNodes } from './select.ts';
export type { Purpose, Selection, Wanted } from './select.ts';
export { FILTER_FIELDS } from './filter-fields.ts';
export type { FilterField } from './filter-fields.ts';
export { isFilter, matchesFilter, matchesGlob, parseFilter } from './filter.ts';
export type { Filter, FilterTerm } from './filter.ts';
export { createFleetReader } from './fleet.ts';
export type { Fleet, FleetOptions, FleetReader } from './fleet.ts';
export { memoryCache } from './cache.ts';
export type { Cached, CacheEntries, CachePort } from './cache.ts';
export { openEntry, openPlace } from './open.ts';
export type { OpenedBundle } from './open.ts';
export type { NodeHistory } from './in-force.ts';
export { review } from './review.ts';
export type { Review } from './review.ts';
export { diffView, tally } from './diff-view.ts';
export { revokesImages, startsSomething } from './changes.ts';
export type { DiffOptions, DiffTally, DiffView, FileView, MaskedSpan } from './diff-view.ts';
export type { SettingChange } from './changes.ts';
export { MASK } from './mask.ts';
export { rebase } from './rebase.ts';
export type { Rebased } from './rebase.ts';

export { checkReason } from './plan.ts';
export type { Approving, Predecessor, Plan, PlannedStatement, Saying } from './plan.ts';
export { planApprove, planRenew } from './approve.ts';
export { planRebase } from './approve-rebased.ts';
export type { ApproveWish } from './approve.ts';
export { planReconfigure, planReject, planRevoke, planRollback } from './orders.ts';
export type { RejectPlan } from './orders.ts';
export { placeInForce, planApproveMany, planOrders, signMany } from './many.ts';
export type { LeftOut, ManyPlans, ManyWish, Ordered, Signed, Target, Telling } from './many.ts';
export { copiedRecords, logView, readRecords } from './log.ts';
export type { CopiedHistory, LogEntry, LogView } from './log.ts';
export { parseRules, planByRules } from './rules.ts';
export type { LeftToPerson, Rule, Ruled, RulePlans, RuleRefusal, Window } from './rules.ts';
export { planPrepare } from './prepare.ts';
export type { Prepared } from './prepare.ts';
export { planTransfer } from './transfer.ts';
export type { TransferPlans } from './transfer.ts';
export { planForget } from './forget.ts';
export type { Forgettable } from './forget.ts';
export { planChanges, planRenewMany, readCurrent } from './change.ts';
export type { Current } from './change.ts';
export { versionsOf, withFile, withoutFile, withSetting } from './alter.ts';
export type { Change, Configuration, FileVersion, FileWish, OwnerWish } from './alter.ts';
export { groupsOf, viewsOf } from './groups.ts';
export type { Differing, Group, Planned, Shape, VaryingPlace } from './groups.ts';
export type { Varying } from './varying.ts';
export { sign } from './sign.ts';
export { takeBackOwn } from './take-back.ts';
export type { Consent } from './sign.ts';
export type { Outcome } from './decide.ts';
export type {
  DecisionName,
  Objection,
  PlanWarning,
  RecordWarning,
  ReviewWarning,
} from './warning.ts';

export { historyView, recordedView, statementView } from './views/statement.ts';
export type { HistoryView, RecordedView, StatementView } from './views/statement.ts';
export { nodeViews, pendingViews } from './views/nodes.ts';
export type { NodeView, PendingView } from './views/nodes.ts';
export { STATES, WRONG } from './views/states.ts';
export type { State } from './views/states.ts';
export { claimsOf } from './views/status.ts';
export { EXPIRING_DAYS } from '../protocol/verify.ts';
export type { MachineView, StatusNote, StatusView, WaitingView } from './views/status.ts';
export type { MachineFault } from './machine-says.ts';
export { collect } from './pool.ts';
export { bundleFacts, bundleView, imageFacts } from './views/bundle.ts';
export type {
  BundleFacts,
  BundleSigner,
  BundleView,
  ImageFacts,
  Reviewable,
} from './views/bundle.ts';
export { lastReport } from './views/report.ts';
export type { ReportView } from './views/report.ts';
export { findNodeOrProposal, nodeState } from './views/state.ts';
export type { NodeState, StateView } from './views/state.ts';
