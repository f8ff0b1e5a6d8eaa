import { openTerminal } from '../answers/dialogue/terminal.ts';
import { find } from '../boot/boot.ts';
import { openOwnNode } from '../boot/own-node.ts';
import { createServers } from '../boot/servers.ts';
import type { Draft } from '../boot/snapshot.ts';
import { createSource } from '../boot/source.ts';
import type { Decision } from '../boot/source.ts';
import { createPatience } from '../boot/patience.ts';
import { applyFound } from '../stages/7-applying.ts';
import { becomeReady } from '../stages/8-ready.ts';
import { throwFailures } from '../stages/effect.ts';
import { tellInstalled } from '../stages/tell.ts';
import { capturedDraft } from './captured.ts';
import { agentCommand, seconds, TAKE_OVER, TOKEN_FILE, tokenIn } from './options.ts';

/** Throws as `find`, `applyFound` and `becomeReady`; step_failed where part of it did not take effect. */
export const bootCommand = agentCommand({
  usage: 'boot',
  about: 'fetch what is approved and apply it; propose and wait where nothing is',
  options: [
    {
      name: 'no-propose',
      about: 'where nothing is approved, wait only',
      example: 'boot --no-propose',
    },
    { name: 'once', about: 'do not wait', example: 'boot --once' },
    {
      name: 'wait',
      value: '<seconds>',
      about: 'wait so long at most; default: for ever',
      example: 'boot --wait 600',
    },
    TOKEN_FILE,
    TAKE_OVER,
  ],
  async run(invocation, _, { noPropose, once, wait, tokenFile, takeOver }) {
    const { server, console } = invocation;
    const waitSeconds = wait === undefined ? undefined : seconds('wait', wait);
    const limitSeconds = once ? 0 : waitSeconds;
    const node = openOwnNode(invocation, { takeOver });
    const servers = createServers(node, server === undefined ? undefined : [server]);
    let replaced: Decision | undefined;
    const redraft = async (): Promise<Draft> => Promise.resolve(capturedDraft(node, replaced));
    const draft = async (inForce: Decision | undefined): Promise<Draft> => {
      replaced = inForce;
      return redraft();
    };
    const terminal = openTerminal();
    const pressed = terminal && ((over: AbortSignal) => terminal.pressed(over));
    const found = await find(node, servers, createSource(node, servers), {
      ...(!noPropose && { draft, redraft, pressed }),
      patience: createPatience({ limitSeconds }),
      token: tokenIn(tokenFile),
    });
    const finished = await becomeReady(await applyFound(node, servers, found));
    tellInstalled(console, found, finished);
    throwFailures(finished);
  },
});
