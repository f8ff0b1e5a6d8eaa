import { describe, expect, it } from 'vitest';
import { nodeWords } from '../bundle/words.ts';
import type { NodeId } from '../bundle/index.ts';
import { codeOf } from '../protocol/errors.ts';
import { makeNode } from '../tests/support/site.ts';
import { selectNodes } from './select.ts';
import type { Purpose, Wanted } from './select.ts';
import type { StatusView } from './views/status.ts';
import type { StatementView } from './views/statement.ts';

const NOW = 1_800_000_000;
const approve = { type: 'approve', decidedBy: ['ada'], reason: '' } as unknown as StatementView;
const known = (node: NodeId, name?: string): StatusView => ({
  ...{ node, words: nodeWords(node), states: ['in-force'], decision: approve },
  ...(name === undefined ? {} : { name }),
  ...{ waiting: [], notes: [], refreshing: false },
});
const first = (node: NodeId, hostname: string): StatusView => ({
  ...{ node, words: nodeWords(node), states: ['waiting', 'first'], since: NOW - 60 },
  waiting: [{ digest: 'ab', size: 1, modified: NOW - 60, hostname }],
  ...{ notes: [], refreshing: false },
});

const [one, two, three, four] = ['1', '2', '3', '4'].map((name) => makeNode(name).id) as [
  NodeId,
  NodeId,
  NodeId,
  NodeId,
];
const fleet = [known(one, 'gx001'), known(two, 'gx002'), known(three), first(four, 'gx002')];

const selected = (wanted: Wanted, purpose: Purpose = 'show', views = fleet): NodeId[] =>
  selectNodes(views, wanted, purpose, NOW).views.map(({ node }) => node);
const refused = (wanted: Wanted, purpose: Purpose, views = fleet): string => {
  try {
    return `selected ${selected(wanted, purpose, views).join()}`;
  } catch (error) {
    return `${codeOf(error)}: ${(error as Error).message}`;
  }
};

describe('what is given for a node', () => {
  it.each(['show', 'decide', 'approve'] as const)('is its key or its name, to %s', (purpose) => {
    for (const text of [one, one.slice(0, 8), nodeWords(one), 'gx001', 'GX001']) {
      expect(selected({ nodes: [text] }, purpose)).toEqual([one]);
    }
    expect(selected({ nodes: ['gx*'] }, purpose).slice(0, 2)).toEqual([one, two]);
    expect(selected({ nodes: [three.slice(0, 9), 'gx001'] }, purpose)).toEqual([one, three]);
    expect(selected({ nodes: ['gx*', 'name=gx001'] }, purpose)).toEqual([one]);
    expect(selected({ where: 'state=in-force' }, purpose)).toEqual([one, two, three]);
    expect(refused({ nodes: [''] }, purpose)).toMatch(/^usage: an empty word/);
    expect(refused({ nodes: ['nobody'] }, purpose)).toMatch(/^not_found: no node begins with/);
    expect(refused({ nodes: [nodeWords(makeNode('5').id)] }, purpose)).toMatch(/^not_found/);
  });

  it('is everything where nothing is given, to show, and nothing to decide about', () => {
    expect(selected({})).toEqual(fleet.map(({ node }) => node));
    expect(refused({}, 'decide')).toMatch(/^usage: which node\?/);
    expect(refused({}, 'approve')).toMatch(/^usage: which node\?/);
  });

  it('that may mean several names all of them', () => {
    const twins = [known(one, 'gx001'), known(two, 'gx001')];
    for (const purpose of ['show', 'decide', 'approve'] as const) {
      const said = refused({ nodes: ['gx001'] }, purpose, twins);
      expect(said).toBe(
        `usage: 2 nodes are meant by "gx001": ${one} (gx001, in-force); ${two} (gx001, in-force)`,
      );
    }
    const named = [known(one), known(two, one.slice(0, 3))];
    expect(refused({ nodes: [one.slice(0, 3)] }, 'decide', named)).toMatch(/^usage: 2 nodes/);
    const many = Array.from({ length: 20 }, (_, i) => known(makeNode(`twin ${i}`).id, 'twin'));
    expect(refused({ nodes: ['twin'] }, 'show', many)).toMatch(/; and 12 more$/);
  });
});

describe('a node about which nothing is in force', () => {
  it('is named by 16 characters of its id, or its words, to decide about it', () => {
    for (const text of [four, four.slice(0, 16), nodeWords(four)]) {
      for (const purpose of ['show', 'decide', 'approve'] as const) {
        expect(selected({ nodes: [text] }, purpose)).toEqual([four]);
      }
    }
    expect(selected({ nodes: [four.slice(0, 15)] })).toEqual([four]);
    for (const purpose of ['decide', 'approve'] as const) {
      expect(refused({ nodes: [four.slice(0, 15)] }, purpose)).toMatch(
        /^usage: nothing is in force for [a-z2-7]{32}: compare its words/,
      );
    }
  });

  it('is selected for approval by no filter, glob or name', () => {
    for (const where of ['state=first', 'state=waiting', 'age>1s', 'name!=x', `id=${four}`]) {
      const { views, leftOut } = selectNodes(fleet, { where }, 'approve', NOW);
      expect(views.map(({ node }) => node)).not.toContain(four);
      expect(leftOut.map(({ node }) => node)).toEqual([four]);
    }
    for (const text of ['*', 'gx*', 'gx00?', 'state=first', `id~${four.slice(0, 20)}*`]) {
      expect(selected({ nodes: [text] }, 'approve')).not.toContain(four);
    }
    expect(selected({ nodes: ['gx002'] }, 'approve')).toEqual([two]);
    // Beside its key a filter only narrows down.
    expect(selected({ nodes: [four], where: 'state=first' }, 'approve')).toEqual([four]);
  });

  it('is found by the name that it claims, to show it, and by nothing that decides', () => {
    const others = fleet.filter(({ node }) => node !== two);
    expect(selected({ nodes: ['gx002'] }, 'show', others)).toEqual([four]);
    expect(selected({ where: 'claim=gx002' })).toEqual([four]);
    for (const purpose of ['decide', 'approve'] as const) {
      expect(refused({ nodes: ['gx002'] }, purpose, others)).toMatch(
        /^not_found: "gx002" is in force for no node; what waits claims it/,
      );
      expect(refused({ nodes: [four], where: 'claim=gx002' }, purpose)).toMatch(
        /^usage: a claimed name selects what is shown/,
      );
    }
    expect(refused({ nodes: ['gx002'] }, 'show')).toMatch(/^usage: 2 nodes are meant/);
  });
});
