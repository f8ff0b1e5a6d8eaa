import { pathIn, showPath } from '../../bundle/errors.ts';
import { fail } from '../../protocol/errors.ts';
import { parseDigest } from '../../protocol/keys.ts';
import { takeChanges } from '../boot/changes.ts';
import { tellDecision } from '../boot/install.ts';
import { openOwn } from '../boot/node.ts';
import type { Node } from '../boot/node.ts';
import { openOwnNode } from '../boot/own-node.ts';
import { propose } from '../boot/propose.ts';
import { createServers } from '../boot/servers.ts';
import { takeSnapshot } from '../boot/snapshot.ts';
import type { Draft } from '../boot/snapshot.ts';
import { createSource } from '../boot/source.ts';
import type { Decision } from '../boot/source.ts';
import { capturedDraft, counted } from './captured.ts';
import { agentCommand, TAKE_OVER, TOKEN_FILE, tokenIn } from './options.ts';

/** Throws as `propose`; waiting or rejected where an earlier proposal stands in its way. */
export const proposeCommand = agentCommand({
  usage: 'propose',
  about:
    'propose what this machine changed of its configuration; without one, all that capture shows',
  options: [
    {
      name: 'add',
      value: '<paths>',
      about: 'files to propose besides those in force, with commas between',
      repeatable: true,
      example: '--add etc/motd,etc/issue',
    },
    {
      name: 'after',
      value: '<digest>',
      about: 'propose although this proposal was refused',
      example: '--after 3bf0...',
    },
    TOKEN_FILE,
    TAKE_OVER,
  ],
  async run(invocation, _, { add, after: afterText, tokenFile, takeOver }) {
    const { places, server, console } = invocation;
    const added = add.flatMap((paths) => paths.split(',')).map(fromRoot);
    const node = openOwnNode(invocation, { takeOver });
    const servers = createServers(node, server === undefined ? undefined : [server]);
    const source = createSource(node, servers);
    const look = await source.inForce();
    if (look.state === 'failed') throw look.error;
    const inForce = look.state === 'found' ? look.decision : undefined;
    const proposing = {
      ...{ node, servers, source, inForce },
      after: afterText === undefined ? undefined : parseDigest(afterText),
      token: tokenIn(tokenFile),
    };
    const changed = changedDraft(node, inForce, added);
    const proposal = await propose(proposing, changed ?? capturedDraft(node, inForce));
    const { state } = proposal;
    if (changed !== undefined) tellBesides(node, changed);
    if (state === 'waiting') {
      const said = `proposal ${proposal.digest} waits for a decision; this one was not sent`;
      throw fail('waiting', said, { details: { digest: proposal.digest } });
    }
    if (state === 'rejected') {
      const said = `proposal ${proposal.digest} was refused, and nothing changed since: ${tellDecision(proposal.rejection.frame)}`;
      throw fail('rejected', said, { details: { digest: proposal.digest } });
    }
    if (state === 'unchanged') {
      console.result('nothing to propose: this is in force', { state });
      return;
    }
    if (state === 'empty') {
      throw fail(
        'file_missing',
        `${places.root} holds none of the files that a bundle may hold: is it the right --root?`,
      );
    }
    const { digest, fileCount } = proposal;
    if (state === 'proposed') console.note('it waits for an administrator');
    console.result(`${state} ${digest}: ${counted(fileCount)}`, { state, digest, fileCount });
  },
});

/** A path as a bundle has it, where it was written as the machine has it. */
const fromRoot = (path: string): string => pathIn(path).replace(/^\//, '');

/** What changed of the configuration in force; undefined where none is, or none was applied. */
function changedDraft(
  node: Node,
  inForce: Decision | undefined,
  added: readonly string[],
): Draft | undefined {
  const bundle = inForce?.frame.bundle;
  const changes = bundle && takeChanges(node.rootPath, node.paths, openOwn(node, bundle), added);
  for (const { path, why } of changes?.notTaken ?? []) {
    node.console.note(`${showPath(path)} is left to the image, and ${why}`);
  }
  return changes && { files: changes.files, metadata: changes.metadata };
}

/** So many files are named. */
const MAX_NAMED = 20;

/** Says which files a bundle may hold that are new here, so that they are not taken for proposed. */
function tellBesides({ console, ...node }: Node, { files, metadata: { left = {} } }: Draft): void {
  const known = new Set([...files.map(({ path }) => path), ...Object.keys(left)]);
  const paths = takeSnapshot(node).files.flatMap(({ path }) => (known.has(path) ? [] : [path]));
  if (paths.length === 0) return;
  const named = paths.slice(0, MAX_NAMED).map(showPath);
  const more = paths.length > MAX_NAMED ? ` and ${paths.length - MAX_NAMED} more` : '';
  console.note(
    `not in force here, and not proposed: ${named.join(', ')}${more} (--add ${named[0]!} takes one)`,
  );
}
