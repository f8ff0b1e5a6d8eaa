// @module-tag long
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planRenew } from '../../admin/approve.ts';
import { lookAt } from '../../admin/find.ts';
import { placeInForce } from '../../admin/many.ts';
import { sign } from '../../admin/sign.ts';
import type { NodeId } from '../../bundle/index.ts';
import { nodeWords } from '../../bundle/words.ts';
import { codeOf, EXIT } from '../../protocol/errors.ts';
import { administratorsOf } from '../support/administrators.ts';
import type { Administrators } from '../support/administrators.ts';
import { cliProgram, openDesk, openSession, refusal, runCli } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { makeNode } from '../support/site.ts';
import { openScreen } from '../support/tmux.ts';

const UNDERSIGNED = [EXIT.undersigned, 'undersigned'];

let desk: Desk;
let admins: Administrators;
const machines: Machine[] = [];
const nodes = ['a', 'b', 'c', 'd', 'old', 'gone'].map((name) => ({
  name,
  node: makeNode(`two of three ${name}`),
}));
const idOf = (wanted: string): NodeId => nodes.find(({ name }) => name === wanted)!.node.id;

/** A file in the folder of the administrators. */
function write(name: string, text: string, mode = 0o644): string {
  const path = admins.at(name);
  fs.mkdirSync(dirname(path), { recursive: true });
  fs.writeFileSync(path, text, { mode });
  return path;
}

/** What was decided about a node, and by how many. */
async function decisions(node: string): Promise<string[]> {
  const { entries } = await desk.json<{ entries: { type: string; decidedBy: string[] }[] }>(
    'history',
    node,
  );
  return entries.map(({ type, decidedBy }) => `${type} by ${decidedBy.join(', ')}`);
}

/** How many statements lie there that lack signatures. */
async function lying(node: string): Promise<number> {
  const { cosigned } = await desk.json<{ cosigned?: unknown[] }>('show', node);
  return cosigned?.length ?? 0;
}

beforeAll(async () => {
  desk = await openDesk();
  admins = administratorsOf(desk);
  for (const name of ['bob', 'cyd']) await admins.add(name);
  for (const { name, node } of nodes) {
    const files = { 'etc/motd': `of ${name}\n`, 'etc/issue': 'old\n' };
    await desk.propose(node, {
      ...{ files, metadata: { hostname: name }, recipients: admins.recipients(node) },
    });
    await admins.ok('ada', 'approve', node.id, '--yes');
  }
  const told = await admins.once('ada', 'keys', 'threshold', '2', '--yes');
  expect(refusal(told)).toEqual(UNDERSIGNED);
  await admins.ok('bob', 'keys', 'reseal', '--yes');
});
afterAll(async () => {
  for (const machine of machines) machine.remove();
  admins.close();
  await desk.close();
});

describe('where two of three have to sign', () => {
  it.each([
    ['put', () => ['put', write('issue', 'new\n'), '--to', 'etc/issue', 'a', 'b']],
    ['rm', () => ['rm', 'etc/issue', 'a', 'b']],
    ['set', () => ['set', 'timezone=Europe/Berlin', 'a', 'b']],
    ['edit', () => ['edit', 'a', 'b', 'etc/issue', '--like', 'c']],
    ['renew', () => ['renew', 'a', 'b', '--expires', '30d']],
    ['reconfigure', () => ['reconfigure', 'a', 'b']],
  ])('%s leaves one signature on each, however often, and cosign makes them', async (_, args) => {
    const command = [...args(), '--yes'];
    const ids = ['a', 'b'].map(idOf);
    const before = await Promise.all(ids.map(decisions));
    for (let i = 0; i < 2; i++) {
      const run = await admins.once('ada', ...command);
      expect([run.code, run.stdout.match(/^signed \w+ of /gm)?.length]).toEqual([
        EXIT.undersigned,
        2,
      ]);
      expect(run.stdout).not.toContain('signed signed');
      expect(run.stderr).toContain('the others sign them with coatcheck cosign --all-waiting');
    }
    for (const id of ids) expect(await lying(id)).toBe(1);
    // Another who wants the same is told of it, and leaves no second one.
    const other = await admins.once('bob', ...command);
    expect([other.code, other.stdout]).toEqual([
      EXIT.failed,
      expect.stringContaining('ada signed this'),
    ]);
    await admins.ok('bob', 'cosign', '--all-waiting', '--yes');
    for (const [i, id] of ids.entries()) {
      expect(await decisions(id)).toEqual([
        ...before[i]!,
        expect.stringMatching(/^(approve|reconfigure) by ada, bob$/),
      ]);
    }
  });

  it('edit in an editor leaves a signature as well', async () => {
    const editor = write('editor', '#!/bin/sh\necho edited > "$1"\n', 0o755);
    const as = ['--home', desk.home, '--server', desk.url];
    const run = await runCli([...as, 'edit', 'c', 'etc/issue', '--yes'], {
      env: { EDITOR: editor },
    });
    expect(run.code).toBe(EXIT.undersigned);
    expect(await admins.ok('cyd', 'cosign', idOf('c'), '--yes')).toContain('edited');
  });

  it('cosign refuses what has ended meanwhile, and says how to make another', async () => {
    const a = idOf('a');
    // Signed some minutes ago, for less than that.
    const now = (): number => Math.floor(Date.now() / 1000);
    const session = await openSession(desk, { looksInStore: true, now: () => now() - 200 });
    const standing = await lookAt(session, a);
    const plan = await planRenew(session, standing, {
      ...{ reason: '', showSecrets: false, stat: true },
      ...{ expires: now() - 100, place: placeInForce(standing) },
    });
    expect(await sign(session, plan).catch(codeOf)).toBe('undersigned');
    const before = await decisions(a);
    for (const args of [[a], ['--all-waiting']]) {
      const told = await admins.once('bob', 'cosign', ...args, '--yes');
      expect(refusal({ ...told, stderr: told.stderr.split('\n').slice(-2).join('\n') })).toEqual([
        ...[EXIT.waiting, 'expired'],
      ]);
      expect(told.stderr).toContain('nothing was signed');
      expect(told.stderr).toContain(`coatcheck renew ${a} --expires`);
    }
    expect(await decisions(a)).toEqual(before);
    expect(await admins.ok('bob', 'show', a)).toContain('void, since its end has passed');
    const status = await admins.ok('bob', 'status', a);
    expect(status).toContain('void, since its end has passed');
    expect(status).not.toContain('undersigned');
    expect((await admins.once('bob', 'renew', a, '--expires', '90d', '--yes')).code).toBe(
      EXIT.undersigned,
    );
    await admins.ok('cyd', 'cosign', a, '--yes');
    expect(await lying(a)).toBe(0);
  });

  it('rollback and revoke leave one, and forget wants the revoke decided', async () => {
    const [c, gone] = [idOf('c'), idOf('gone')];
    const back = await admins.once('ada', 'rollback', c, '1', '--reason', 'back', '--yes');
    expect(refusal(back)).toEqual(UNDERSIGNED);
    expect(await admins.ok('bob', 'cosign', c, '--yes')).toContain('rolled back');
    const revoke = await admins.once('ada', 'revoke', gone, '--reason', 'scrapped', '--yes');
    expect(refusal(revoke)).toEqual(UNDERSIGNED);
    const bobs = await admins.once('bob', 'pending');
    expect(bobs.stdout).toContain(`revoke for ${gone}`);
    expect(bobs.stdout).toContain('1 of 2 signatures (ada)');
    expect(bobs.stderr).toContain('coatcheck cosign NODE');
    expect(bobs.stderr).not.toMatch(/nothing waits|approve NODE/);
    expect((await admins.once('ada', 'pending')).stderr).toContain('signed by you');
    const early = await admins.once('ada', 'forget', gone, '--yes');
    expect([early.code, early.stdout]).toEqual([
      EXIT.failed,
      expect.stringContaining('only a revoked node is forgotten'),
    ]);
    expect(await admins.ok('cyd', 'cosign', gone, '--yes')).toContain('revoked');
    expect(await admins.ok('ada', 'forget', gone, '--yes')).toContain('forgotten');
  });

  it('prepare, of a folder that import made, leaves one, and the machine boots with both', async () => {
    const machine = makeMachine({ ...desk.site, servers: [desk.url] });
    machines.push(machine);
    const keys = write('new.keys', (await machine.run('id', '--public')).stdout);
    const data =
      '#cloud-config\nwrite_files:\n  - path: /etc/motd\n    content: "from cloud-init\\n"\n';
    const folder = admins.at('imported');
    await admins.ok('ada', 'import', write('user-data', data), folder);
    const { id } = machine.identity;
    const prepare = ['prepare', keys, folder, '--words', nodeWords(id), '--yes'];
    for (let i = 0; i < 2; i++) {
      expect((await admins.once('ada', ...prepare)).code).toBe(EXIT.undersigned);
      expect(await lying(id)).toBe(1);
    }
    const other = await admins.once('bob', ...prepare);
    expect([other.code, other.stderr]).toEqual([
      EXIT.conflict,
      expect.stringContaining('ada signed this approve already'),
    ]);
    // A first approval is named: a run over all that waits leaves it out, and says so.
    const all = await admins.once('bob', 'cosign', '--all-waiting', '--yes');
    expect(all.code).toBe(EXIT.undersigned);
    expect(all.stderr).toContain(`1 first approval lacks signatures`);
    expect(all.stderr).not.toContain('nothing lacks a signature');
    expect(await admins.ok('bob', 'cosign', nodeWords(id), '--yes')).toContain(`approved ${id}`);
    expect((await machine.run('boot')).code).toBe(0);
    expect(machine.read('etc/motd')).toBe('from cloud-init\n');
  });

  it('transfer goes on, by the command that it names, until the old key is revoked', async () => {
    const fresh = makeNode('the new key of old');
    const { recipients } = admins;
    const files = { 'etc/motd': 'fresh\n' };
    await desk.propose(fresh, {
      ...{ files, metadata: { hostname: 'old' }, recipients: recipients(fresh) },
    });
    const old = idOf('old');
    const transfer = ['transfer', old, nodeWords(fresh.id), '--yes'];
    const again = `coatcheck transfer ${old} ${fresh.id}`;
    for (let i = 0; i < 2; i++) {
      const first = await admins.once('ada', ...transfer);
      expect(first.code).toBe(EXIT.undersigned);
      expect(first.stderr).toContain(`approve of ${fresh.id} has 1 of 2 signatures (ada)`);
      expect(first.stderr).toContain(`${again} does the rest`);
      expect(await lying(fresh.id)).toBe(1);
      expect(await lying(old)).toBe(0);
    }
    const given = await admins.once('bob', 'cosign', fresh.id, '--yes');
    expect([given.code, given.stderr]).toEqual([0, expect.stringContaining(again)]);
    const rest = await admins.once('bob', ...transfer);
    expect(rest.code).toBe(EXIT.undersigned);
    expect(rest.stderr).toContain(`reject of ${fresh.id} has 1 of 2`);
    expect(rest.stderr).toContain(`revoke of ${old} has 1 of 2`);
    await admins.ok('ada', 'cosign', fresh.id, old, '--yes');
    expect((await decisions(fresh.id)).slice(-2)).toEqual([
      'approve by ada, bob',
      'reject by ada, bob',
    ]);
    expect((await decisions(old)).at(-1)).toBe('revoke by ada, bob');
    const done = await admins.once('ada', ...transfer);
    expect([done.code, done.stderr]).toEqual([0, expect.stringContaining('nothing to do')]);
  });

  it('keys monitor begins a file that goes round, and takes its signatures', async () => {
    const file = admins.at('nagios.json');
    const copy = admins.at('nagios.to-sign.json');
    const begun = await admins.once('ada', 'keys', 'monitor', file, '--for', 'nagios');
    expect(refusal(begun)).toEqual(UNDERSIGNED);
    expect(begun.stderr).toContain(`send ${copy} to them, for coatcheck keys sign`);
    const { seed } = JSON.parse(fs.readFileSync(file, 'utf8')) as { seed: string };
    expect(fs.readFileSync(copy, 'utf8')).not.toContain(seed);
    const look = () =>
      runCli(['--home', '/nowhere', '--server', desk.url, 'status', '--capability', file]);
    expect(refusal(await look())).toEqual([EXIT.denied, 'capability_refused']);
    expect(refusal(await admins.once('ada', 'keys', 'monitor', file))).toEqual(UNDERSIGNED);
    // What another one signed while a passphrase was asked for stays.
    const [secret, asks, theirs] = ['secret', 'asks', 'theirs'].map((name) => admins.at(name));
    fs.writeFileSync(secret!, 'six words that nobody would guess\n', { mode: 0o600 });
    await admins.ok('cyd', 'key', 'passphrase', '--new-passphrase-file', secret!);
    const early = fs.readFileSync(copy, 'utf8');
    fs.writeFileSync(theirs!, `${early}\n`);
    const script = `#!/bin/sh\ncp ${theirs!} ${copy}\ncat ${secret!}\n`;
    fs.writeFileSync(asks!, script, { mode: 0o700 });
    const sign = ['keys', 'sign', copy, '--yes', '--passphrase-command', asks!];
    expect(refusal(await admins.once('cyd', ...sign))).toEqual([EXIT.conflict, 'in_use']);
    expect(fs.readFileSync(copy, 'utf8')).toBe(`${early}\n`);
    const unlock = ['--no-passphrase', '--passphrase-file', secret!];
    await admins.ok('cyd', 'key', 'passphrase', ...unlock);

    const other = await admins.ok('bob', 'keys', 'sign', copy, '--yes');
    expect(other).toContain('right to read states for nagios');
    expect(other).toContain('has all signatures: give it back to ada');
    await admins.ok('ada', 'keys', 'monitor', file);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect((await look()).stdout).toContain(idOf('c'));
    const whole = await admins.once('ada', 'keys', 'monitor', file);
    expect(refusal(whole)).toEqual([EXIT.usage, 'file_exists']);
    // Of another one, and changed on its way.
    const second = admins.at('second.json');
    await admins.once('ada', 'keys', 'monitor', second);
    const mixed = await admins.once('ada', 'keys', 'monitor', second, '--to', copy);
    expect(refusal(mixed)).toEqual([EXIT.usage, 'usage']);
    const text = fs.readFileSync(copy, 'utf8');
    fs.writeFileSync(
      copy,
      text.replace(/(?<=.{300})[A-Za-z]/, (a) => (a === 'A' ? 'B' : 'A')),
    );
    const forged = await admins.once('cyd', 'keys', 'sign', copy, '--yes');
    expect(forged.code).not.toBe(0);
  });

  it('whoever has signed one of two changes and takes the other is told that it is decided', async () => {
    const c = idOf('c');
    for (const [by, text] of [
      ['ada', 'first\n'],
      ['bob', 'second\n'],
    ] as const) {
      const put = ['put', write(text.trim(), text), '--to', 'etc/motd', c, '--yes'];
      expect((await admins.once(by, ...put)).code).toBe(EXIT.undersigned);
    }
    expect(await admins.ok('ada', 'cosign', c, '--yes')).toContain(`approved ${c}`);
    expect((await decisions(c)).at(-1)).toBe('approve by ada, bob');
  });

  it('one of two changes of a node is named by the digest of its statement, which is shown', async () => {
    const c = idOf('c');
    for (const by of ['ada', 'bob']) {
      const put = ['put', write(`issue-${by}`, `of ${by}\n`), '--to', 'etc/issue', c, '--yes'];
      expect((await admins.once(by, ...put)).code).toBe(EXIT.undersigned);
    }
    type Signed = { statementDigest: string; signedBy: string[] };
    const { cosigned } = await desk.json<{ cosigned: Signed[] }>('show', c);
    const short = (by: string): string =>
      cosigned.find(({ signedBy }) => signedBy[0] === by)!.statementDigest.slice(0, 16);
    // By who made the keyset: others are shown it a minute later.
    const shown = await admins.ok('ada', 'status', c);
    for (const yes of [['--yes'], []]) {
      const both = await admins.once('cyd', 'cosign', c, ...yes);
      expect(refusal(both)).toEqual([EXIT.conflict, 'cosigned']);
      for (const by of ['ada', 'bob']) {
        expect(shown).toContain(`statement ${short(by)}`);
        expect(both.stderr).toContain(`statement ${short(by)}`);
      }
    }
    const none = await admins.once('cyd', 'cosign', c, '0'.repeat(64), '--yes');
    expect(refusal(none)).toEqual([EXIT.notFound, 'not_found']);
    expect(none.stderr).toContain(`statement ${short('ada')}`);
    expect(await admins.ok('cyd', 'cosign', c, short('bob'), '--yes')).toContain(`approved ${c}`);
    expect((await decisions(c)).at(-1)).toBe('approve by bob, cyd');
  });

  it('two changes of one node are left for a person, and the others are signed', async () => {
    const [b, d] = [idOf('b'), idOf('d')];
    for (const [by, text] of [
      ['ada', 'one\n'],
      ['bob', 'two\n'],
    ] as const) {
      const put = ['put', write(text.trim(), text), '--to', 'etc/motd', d, '--yes'];
      expect((await admins.once(by, ...put)).code).toBe(EXIT.undersigned);
    }
    expect(refusal(await admins.once('ada', 'reconfigure', b, '--yes'))).toEqual(UNDERSIGNED);
    const all = await admins.once('cyd', 'cosign', '--all-waiting', '--yes');
    expect(all.code).toBe(EXIT.failed);
    expect(all.stderr).toContain(`2 decisions about ${d} lack signatures`);
    expect(all.stdout).toContain(`asked to configure itself anew ${b}`);
  });
});

describeWith('terminal', 'whoever is asked about one of two', () => {
  it('says no to the first, and takes the second', async () => {
    const command = [
      ...['env', 'PAGER=cat', 'TERM=xterm', process.execPath, cliProgram()],
      ...['--home', admins.at('cyd'), '--server', desk.url, 'cosign', idOf('d')],
    ];
    const screen = await openScreen(command, { columns: 120, rows: 150, term: 'xterm' });
    try {
      const asked = `Sign this approval of ${idOf('d')}, too?`;
      await screen.until(asked);
      screen.type('n');
      await expect.poll(() => screen.text().split(asked).length).toBe(3);
      screen.type('y');
      await screen.until(`approved ${idOf('d')}`);
    } finally {
      screen.close();
    }
    expect((await decisions(idOf('d'))).at(-1)).toMatch(/^approve by (ada|bob), cyd$/);
  });
});
