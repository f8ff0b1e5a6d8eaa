import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { itWith } from '../support/components.ts';
import { checkModel, MODEL } from './spin.ts';

vi.setConfig({ testTimeout: 170_000 });

const SCENARIOS: Record<string, string> = {
  RACES: 'three administrators race, one with a memory ahead of the store',
  REPAIRERS: 'two repairers, a used PUT URL and junk in the history',
  FAULTS: 'the store does not tell outcomes, and writes land late',
  AGAIN: 'a statement is sent again while the first request still runs',
  HISTORY_WRITER: 'somebody puts junk and statements that lost into the history',
  COPIES_WRITER: 'somebody overwrites and deletes the copies and the proposals',
  KEYSETS: 'the keyset changes while a removed administrator approves',
};

interface Variant {
  readonly mistake: string;
  readonly scenario: string;
  readonly violates: string;
}

const VARIANTS: Record<string, Variant> = {
  SLOT_IS_SEQ: {
    mistake: 'keeps an entry under its signed seq, with gaps',
    scenario: 'RACES',
    violates: 'nothing_acknowledged_is_lost',
  },
  SLOT_FROM_LATER_LISTING: {
    mistake: 'takes the slot from a later listing than the head',
    scenario: 'RACES',
    violates: 'nothing_acknowledged_is_lost',
  },
  HEAD_NOT_CHECKED_AGAIN: {
    mistake: 'does not check the head again after a lost race',
    scenario: 'RACES',
    violates: 'nothing_acknowledged_is_lost',
  },
  APPROVED_UNCONDITIONAL: {
    mistake: 'overwrites approved/ without a condition',
    scenario: 'RACES',
    violates: 'approved_never_goes_back',
  },
  DECIDED_UNCHECKED: {
    mistake: 'decides a proposal that is decided',
    scenario: 'RACES',
    violates: 'a_digest_is_decided_once',
  },
  PROPOSAL_DELETED_FIRST: {
    mistake: 'deletes a refused proposal before it is kept in rejected/',
    scenario: 'RACES',
    violates: 'a_refused_proposal_is_kept',
  },
  REPAIRER_DELETES: {
    mistake: 'deletes junk from the history',
    scenario: 'REPAIRERS',
    violates: 'nothing_acknowledged_is_lost',
  },
  REFUSED_AFTER_UNKNOWN: {
    mistake: 'says "refused" after an outcome that is not known',
    scenario: 'FAULTS',
    violates: 'a_refusal_is_final',
  },
  UNREADABLE_IS_JUNK: {
    mistake: 'takes an entry that could not be read for junk',
    scenario: 'FAULTS',
    violates: 'a_refusal_is_final',
  },
  ENTRY_ABOVE_FREE_SLOT: {
    mistake: 'accepts an entry above a free slot',
    scenario: 'HISTORY_WRITER',
    violates: 'what_verified_verifies_for_ever',
  },
  PREV_UNCHECKED: {
    mistake: 'accepts an entry that follows another head',
    scenario: 'HISTORY_WRITER',
    violates: 'a_refusal_is_final',
  },
  NODE_IGNORES_MEMORY: {
    mistake: 'boots without looking at its memory',
    scenario: 'COPIES_WRITER',
    violates: 'a_node_never_goes_back',
  },
  KEYSET_UNCHECKED_BY_SERVER: {
    mistake: 'commits a decision of an older keyset',
    scenario: 'KEYSETS',
    violates: 'a_removed_admin_decides_nothing_new',
  },
  KEYSET_UNCHECKED_BY_READERS: {
    mistake: 'reads an entry of an older keyset than the one below it',
    scenario: 'KEYSETS',
    violates: 'keyset_versions_never_go_down',
  },
};

describe('the model of the approval protocol (docs/assurance-model.md)', () => {
  for (const [name, what] of Object.entries(SCENARIOS)) {
    itWith('spin', `keeps every promise where ${what}`, async () => {
      const verdict = await checkModel([`SCENARIO_${name}`]);
      expect(verdict).toEqual({ isExhaustive: true, states: expect.any(Number) as number });
    });
  }

  for (const [name, { mistake, scenario, violates }] of Object.entries(VARIANTS)) {
    itWith('spin', `catches whoever ${mistake}`, async () => {
      const verdict = await checkModel([`SCENARIO_${scenario}`, `BROKEN_${name}`]);
      expect(verdict.violated).toBe(violates);
    });
  }

  it('has a test for every broken variant', () => {
    const text = readFileSync(MODEL, 'utf8');
    const switches = [...text.matchAll(/BROKEN_([A-Z]\w*)/g)].map((match) => match[1]!);
    expect(new Set(Object.keys(VARIANTS))).toEqual(new Set(switches));
  });
});
