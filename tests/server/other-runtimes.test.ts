import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { formatSite } from '../../protocol/site.ts';
import { startServe } from '../support/cli.ts';
import { itWith } from '../support/components.ts';
import { makeMachine } from '../support/machine.ts';
import { npmProgram } from '../support/npm-programs.ts';
import { makeSite } from '../support/site.ts';
import { withTemporaryFolder } from '../support/temporary-folder.ts';
import { aWholeLife } from './whole-life.ts';

const RUNTIMES = [
  ['bun', []],
  ['deno', ['run', '--allow-all']],
] as const;

describe('coatcheck serve', () => {
  let home: string;
  withTemporaryFolder('runtime', (made) => (home = made));

  for (const [name, args] of RUNTIMES) {
    itWith(
      name,
      `serves a machine from its proposal to its boot where ${name} runs it`,
      async () => {
        const { site, admins } = makeSite();
        writeFileSync(join(home, 'site.json'), formatSite(site));
        const runtime = [npmProgram(name), ...args];
        const server = await startServe(['--home', home, 'serve'], { runtime });
        const machine = makeMachine({ ...site, servers: [server.url] });
        onTestFinished(() => machine.remove());

        await aWholeLife({ url: server.url, site, admin: admins[0]!, node: machine.identity });
        expect(await machine.run('boot', '--once')).toMatchObject({ code: 0 });
        expect(await server.stop()).toMatchObject({ code: 0 });
      },
    );
  }
});
