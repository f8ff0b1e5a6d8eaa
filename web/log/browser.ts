/**
 * What verifies a record in the browser: built into one script (scripts/commands.ts), which a file of
 * `coatcheck log --html` has in it and the page of `coatcheck ui` is given.
 */
import { parseEvidence } from '../../admin/evidence.ts';
import type { Evidence } from '../../admin/evidence.ts';
import { proveKeysets, proveNode } from '../../admin/prove.ts';
import type { Administrators, KeysetProof, NodeProof } from '../../admin/prove.ts';
import { nodeWords } from '../../bundle/words.ts';
import { count } from '../../protocol/count.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { decidedBy } from '../../words/decisions.ts';
import { messageOf } from '../../words/message.ts';
import { keysetFaultText, missingText, slotFaultText, verifiedText } from '../../words/record.ts';
import { when } from '../../words/time.ts';
import { verifiedAhead } from './ahead.ts';

/** So many nodes are verified before the screen says how far it is. */
const AT_ONCE = 20;

type Child = Node | string;

/** An element; what is in it is text or an element, and never markup. */
function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string>>,
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children);
  return made;
}

const verdict = document.querySelector<HTMLElement>('#verdict')!;
const proof = document.querySelector<HTMLElement>('#proof')!;
const form = document.querySelector<HTMLFormElement>('#prove')!;
const field = form.querySelector('input')!;

function say(kind: 'good' | 'bad' | 'plain', text: string): void {
  const mark = { good: '✔ ', bad: '✖ ', plain: '' }[kind];
  verdict.className = `lead ${kind}`;
  verdict.textContent = `${mark}${text}`;
}

/** The record, which stands in the file itself or is asked for. */
async function evidence(): Promise<Evidence> {
  const inside = document.querySelector('script[type="application/json"]');
  if (inside !== null) return parseEvidence(inside.textContent);
  const answer = await fetch(proof.dataset['record']!);
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return parseEvidence(text);
}

let run = 0;

async function prove(): Promise<void> {
  const own = ++run;
  const isOver = (): boolean => own !== run;
  proof.replaceChildren();
  say('plain', 'Reading the record.');
  try {
    const record = await evidence();
    if (isOver()) return;
    const administrators = proveKeysets(record, field.value);
    const nodes: NodeProof[] = [];
    const now = Math.floor(Date.now() / 1000);
    while (nodes.length < record.nodes.length) {
      const next = record.nodes.slice(nodes.length, nodes.length + AT_ONCE);
      const proven = await verifiedAhead(() =>
        next.map((node) => proveNode(node, administrators.trust, now)),
      );
      nodes.push(...proven);
      say('plain', `Verifying: ${nodes.length} of ${count(record.nodes.length, 'node')}.`);
      await new Promise((resolve) => setTimeout(resolve));
      if (isOver()) return;
    }
    show(administrators, nodes);
  } catch (error) {
    if (!isOver()) say('bad', escapeLine(messageOf(error)));
  }
}

const faultsOf = ({ junk, missing }: NodeProof): number => junk.length + missing.length;

function show(administrators: Administrators, nodes: readonly NodeProof[]): void {
  const { keysets, missing } = administrators;
  const wrong = nodes.filter((node) => faultsOf(node) > 0);
  const faults =
    keysets.filter(({ fault }) => fault !== undefined).length +
    missing.length +
    wrong.reduce((sum, node) => sum + faultsOf(node), 0);
  const good = keysets.flatMap(({ version, fault }) =>
    version === undefined || fault !== undefined ? [] : [version],
  );
  const decisions = nodes.reduce((sum, { entries }) => sum + entries.length, 0);
  const late = nodes.filter(({ isWhole }) => !isWhole).length;
  const range = { from: Math.min(...good), to: Math.max(...good) };
  say(
    faults === 0 ? 'good' : 'bad',
    verifiedText({ decisions, nodes: nodes.length, faults, late }, range),
  );
  proof.replaceChildren(
    element('h2', {}, 'Administrators'),
    ...missing.map((range) => wrongly(missingText('keyset', range))),
    table(
      'Administrators',
      ['Keyset', 'Who', 'Must sign', 'Signed by', 'Digest', ''],
      keysets.map(keysetCells),
    ),
    element('h2', {}, 'Machines'),
    ...(nodes.length === 0 ? [element('p', { class: 'empty' }, 'Nothing was ever decided.')] : []),
    // What does not verify comes first, and open.
    ...[...wrong, ...nodes.filter((node) => !wrong.includes(node))].map(nodePart),
  );
}

const wrongly = (text: string): HTMLElement => element('p', { class: 'bad' }, `✖ ${text}`);
const code = (text: string): HTMLElement => element('code', { class: 'digest' }, text);
const mark = (fault: string | undefined): Child =>
  fault === undefined
    ? element('span', { class: 'badge good' }, '✔ verified')
    : element('strong', { class: 'bad' }, `✖ does not verify: ${fault}`);

function keysetCells({ fault, ...keyset }: KeysetProof): Child[] {
  const { version, keys, signers, threshold, digest, trusted, from } = keyset;
  const said = mark(fault === undefined ? undefined : `${keysetFaultText(fault)}, in ${from}`);
  if (version === undefined) return ['?', '', '', '', '', said];
  const names = keys.map(({ name, may }) => escapeLine(may === 'all' ? name : `${name} (first)`));
  return [
    String(version),
    names.join(', '),
    String(threshold),
    fault === undefined ? escapeLine(signers.join(', ')) : '',
    code(digest ?? ''),
    trusted ? element('strong', { class: 'good' }, '✔ the one that you trust') : said,
  ];
}

function nodePart(node: NodeProof): HTMLElement {
  const { entries } = node;
  const faults = faultsOf(node);
  // The words of a machine that was never approved are read from its console.
  const isKnown = entries.some(({ type }) => type === 'approve' || type === 'rollback');
  const part = element(
    'details',
    { class: 'record', id: node.node },
    element(
      'summary',
      {},
      element('span', { class: faults === 0 ? 'good' : 'bad' }, faults === 0 ? '✔' : '✖'),
      ' ',
      ...(isKnown ? [element('span', { class: 'words' }, nodeWords(node.node)), ' '] : []),
      code(node.node),
      ` ${count(entries.length, 'decision')} verified`,
      ...(faults === 0 ? [] : [element('strong', { class: 'bad' }, `, ${faults} not`)]),
      ...(node.isWhole ? [] : [', begins late']),
    ),
  );
  // Of thousands of machines few are looked at.
  const fill = (): void => {
    if (part.childElementCount > 1) return;
    part.append(...recordOf(node));
  };
  part.addEventListener('toggle', fill);
  if (faults > 0) {
    fill();
    part.open = true;
  }
  return part;
}

function recordOf({ node, entries, junk, missing, isWhole }: NodeProof): HTMLElement[] {
  const newest = entries.at(-1);
  const rows = [
    ...entries.map((entry) => {
      const { slot, seq, type, inForce, issued, expires, expired, reason, digest } = entry;
      const end = expires === undefined ? '' : `, ${expired ? 'ended' : 'until'} ${when(expires)}`;
      const cells: Child[] = [
        ...[String(slot), `${type} (seq ${seq})${inForce ? ', in force' : ''}${end}`],
        ...[when(issued), escapeLine(decidedBy(entry)), escapeLine(reason)],
        code(/^0+$/.test(digest) ? '' : `${digest}${entry.forgotten ? ' (forgotten)' : ''}`),
        mark(undefined),
      ];
      return { slot, cells };
    }),
    ...junk.map(({ slot, code: fault }) => ({
      slot,
      cells: [String(slot), '', '', '', '', '', mark(slotFaultText(fault))] as Child[],
    })),
    ...missing.map((range) => ({
      slot: range.from,
      cells: [
        range.from === range.to ? String(range.from) : `${range.from}–${range.to}`,
        ...['', '', '', '', ''],
        element('strong', { class: 'bad' }, `✖ ${missingText('slot', range)}`),
      ] as Child[],
    })),
  ].sort((a, b) => a.slot - b.slot);
  return [
    ...(isWhole
      ? []
      : [
          element(
            'p',
            { class: 'caution' },
            `The record begins at slot ${entries[0]?.slot ?? '?'}: what was before it is not in here. It may have been pruned, or taken away.`,
          ),
        ]),
    table(
      `Record of ${node}`,
      ['Slot', 'Decision', 'When, as signed', 'By', 'Reason', 'Bundle', ''],
      rows.map(({ cells }) => cells),
    ),
    ...(newest === undefined
      ? []
      : [
          element(
            'p',
            { class: 'dim' },
            `The newest decision here: seq ${newest.seq}, statement `,
            code(newest.statementDigest),
          ),
        ]),
  ];
}

/** Of a column: what verifies has a mark alone. */
const nameOf = (head: string): string => (head === '' ? 'Verdict' : head);

function table(
  label: string,
  head: readonly string[],
  rows: readonly (readonly Child[])[],
): HTMLElement {
  return element(
    'div',
    { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label },
    element(
      'table',
      { class: 'nodes stacked' },
      element(
        'thead',
        {},
        element('tr', {}, ...head.map((text) => element('th', { scope: 'col' }, nameOf(text)))),
      ),
      element(
        'tbody',
        {},
        ...rows.map((cells) =>
          element(
            'tr',
            {},
            ...cells.map((cell, i) => element('td', { 'data-label': nameOf(head[i]!) }, cell)),
          ),
        ),
      ),
    ),
  );
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void prove();
});
// Where the site's own file says which keyset is trusted, nobody has to.
if (field.value !== '') void prove();
