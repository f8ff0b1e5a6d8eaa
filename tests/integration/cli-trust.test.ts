import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../protocol/errors.ts';
import { openDesk, refusal, runCli } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk.close());

describe("a clock that is not the server's", () => {
  it.each(['now() + 3_600_000', 'now() - 3_600_000'])(
    "is named with the server's, and nothing is signed by either: %s",
    async (clock) => {
      const program = `const now = Date.now; Date.now = () => ${clock};`;
      const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(program)}` };
      const run = await runCli(['--home', desk.home, '--server', desk.url, 'pending'], { env });
      expect(refusal(run)).toEqual([EXIT.denied, 'signature_expired']);
      expect(run.stderr).toMatch(/clock here says \S+Z, that of http\S+ \S+Z: set the one/);
    },
  );
});
