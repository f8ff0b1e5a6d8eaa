import { expect, it } from 'vitest';
import type { AttestedView } from '../../admin/attested.ts';
import type { StatusView } from '../../admin/views/status.ts';
import { node } from '../../tests/fixtures/format.ts';
import { NodeScreen } from './node.tsx';

const image = { version: '13.1', generation: 2 };
const words = 'penalty enroll elder envelope improve hello rich dumb';

const screenOf = (attested?: AttestedView): string => {
  const view: StatusView = {
    ...{ node: node.id, words, states: ['in-force'], waiting: [], notes: [], refreshing: false },
    machine: {
      ...{ time: 1, stored: 2, result: 'applied: all', statementDigest: '00'.repeat(32) },
      ...{ failed: [], left: [], isOlder: false },
      ...(attested && { attested }),
    },
  };
  const history = { node: node.id, entries: [], junk: [], isWhole: true };
  const of = { node: node.id, view, history, warnings: [], cosigned: [], admin: 'ada' };
  const screen: { toString(): string } = NodeScreen(of);
  return screen.toString();
};

it('a node’s screen says what its TPM vouches for, and nothing where nothing does', () => {
  const known = { by: 'list' } as const;
  const shown = screenOf({ image, words, approved: true, known, faults: [] });
  expect(shown).toContain('<dt>Its TPM</dt>');
  expect(shown).toContain('by the TPM that was approved, and the site lists it by its key</dd>');
  const against = screenOf({ image, words, approved: true, faults: [{ code: 'wrong_answer' }] });
  expect(against).toContain('its answer is wrong</dd>');
  expect(screenOf()).not.toContain('Its TPM');
});
