import { describe, expect, it } from 'vitest';
import { openTestTerminal } from '../../tests/support/terminal.ts';
import { fail } from '../../protocol/errors.ts';
import type { Look } from '../boot/source.ts';
import type { Authority } from '../identity/tpm/policy.ts';
import { createPatience } from '../boot/patience.ts';
import type { DraftInput } from './drafts.ts';
import { policyOf, unapprovedOption } from './unreachable.ts';

describe('what the command line orders for servers that fail', () => {
  it('is to wait, unless it says otherwise or names a mirror', () => {
    expect(policyOf({ mirrors: [] })).toBe('wait');
    expect(policyOf({ mirrors: ['usb'] })).toBe('mirror');
    expect(policyOf({ mirrors: ['usb'], unreachable: 'wait' })).toBe('wait');
    expect(policyOf({ mirrors: [], unreachable: 'prompt' })).toBe('prompt');
  });

  it('cannot be to look into mirrors that it does not name', () => {
    expect(() => policyOf({ mirrors: [], unreachable: 'mirror' })).toThrow(
      expect.objectContaining({ code: 'bad_argument' }),
    );
  });
});

describe('a dialogue for what nobody approved', () => {
  const gone = fail('server_unreachable', 'gone');
  const said: string[] = [];
  /** What it gives while the servers give these looks, one after another. */
  async function dialogue(
    terminal: ReturnType<typeof openTestTerminal>,
    looks: Look[],
    site: { unapprovedWhenUnreachable?: boolean } = { unapprovedWhenUnreachable: true },
    bound: { authority?: Authority } = {},
  ): Promise<unknown> {
    const source = {
      inForce: () => Promise.resolve(looks.shift() ?? { state: 'failed' as const, error: gone }),
      rejection: () => Promise.resolve<Look>({ state: 'nothing' }),
    };
    const input = {
      node: { site, ...bound, console: { note: (line: string) => void said.push(line) } },
      ...{ terminal, answers: {}, facts: () => ({ interfaces: [], offered: {} }) },
    } as unknown as DraftInput;
    const sleep = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const outage = { source, seconds: () => 60 };
    return await unapprovedOption('reconfigure', input, outage, createPatience({ sleep }))!(gone);
  }

  it('ends once a server answers, with nobody there', async () => {
    const terminal = openTestTerminal();
    const looks: Look[] = [{ state: 'failed', error: gone }, { state: 'nothing' }];
    expect(await dialogue(terminal, looks)).toBe('overtaken');
    expect([looks, terminal.raw.at(-1)]).toEqual([[], false]);
  });

  it('gives nothing where the console hangs up: the servers are still asked', async () => {
    const terminal = openTestTerminal();
    terminal.hangUp();
    expect(await dialogue(terminal, [])).toBeUndefined();
  });

  it('is never begun where the pinned site does not allow it', async () => {
    const terminal = openTestTerminal();
    terminal.type('\r'.repeat(99));
    expect(await dialogue(terminal, [], {})).toBeUndefined();
    expect([terminal.written(), said.join()]).toEqual([
      '',
      expect.stringContaining('site.json does not allow what nobody approved'),
    ]);
  });

  it('is never begun where a TPM keeps key or memory for signed images, whatever the site allows', async () => {
    const terminal = openTestTerminal();
    terminal.type('\r'.repeat(99));
    const bound = { authority: {} as Authority };
    expect(
      await dialogue(terminal, [], { unapprovedWhenUnreachable: true }, bound),
    ).toBeUndefined();
    expect([terminal.written(), said.at(-1)]).toEqual([
      '',
      expect.stringContaining('whoever chose what runs could take it, so this machine waits'),
    ]);
  });
});
