import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { cryptPassword } from '../../agent/answers/dialogue/crypt.ts';
import { run as runProgram } from '../../agent/programs/run.ts';
import type { Answers } from '../../agent/answers/cmdline/answers.ts';
import { describeWith } from '../support/components.ts';
import { openSerialLine } from '../support/serial-line.ts';
import type { SerialLine } from '../support/serial-line.ts';
import { openScreen } from '../support/tmux.ts';
import type { Screen } from '../support/tmux.ts';

const folder = fs.mkdtempSync(join(tmpdir(), 'dialogue-'));
const program = join(folder, 'dialogue.mjs');
const file = join(folder, 'answers.json');
const command = [process.execPath, program, file];
const PASSWORD = 'correct horse 7';

beforeAll(async () => {
  await build({
    ...{ entryPoints: ['tests/support/dialogue-program.ts'], outfile: program },
    ...{ bundle: true, platform: 'node', format: 'esm', target: 'node20.19' },
  });
});
beforeEach(() => fs.rmSync(file, { force: true }));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

type Line = Pick<Screen, 'answer'>;

/** From the first question to the summary, with two corrections on the way. */
async function answerAll(line: Line): Promise<void> {
  await line.answer('Host name [lease7]:', 'nodd\x7fe2\b1');
  await line.answer('[link]:', 'eth9\x15eth0');
  await line.answer('[dhcp]:', '192.0.2.300');
  await line.answer('[dhcp]:', '192.0.2.8');
  await line.answer('Netmask [255.255.255.0]:', '');
  await line.answer('Gateway [192.0.2.1]:', '<');
  await line.answer('Netmask [255.255.255.0]:', '16');
  await line.answer('Gateway [192.0.2.1]:', '');
  await line.answer('IPv6 [off]:', 'auto');
  await line.answer('bond]:', '');
  await line.answer('Bond [none]:', '');
  await line.answer("Name servers [DHCP's]:", '192.0.2.53');
  await line.answer("Time servers [the image's]:", '');
  await line.answer("Password of root [the image's]:", PASSWORD);
  await line.answer('The same again:', `${PASSWORD}x`);
  await line.answer("Password of root [the image's]:", PASSWORD);
  await line.answer('The same again:', PASSWORD);
  await line.answer('Password of admin [as rootpw=]:', '');
  await line.answer("image's]:", 'no');
  await line.answer("Keyboard [the image's]:", '');
  await line.answer('Engine [none]:', '');
  await line.answer('514]:', '');
  await line.answer('Swap [none]:', 'zram');
}

/** What was given to whoever asked. */
function given(): Answers {
  return JSON.parse(fs.readFileSync(file, 'utf8')) as Answers;
}

function expectAll({ rootpw, ...answers }: Answers): void {
  expect(answers).toEqual({
    ...{ hostname: 'node1', BOOTIF: 'eth0', ip: '192.0.2.8', netmask: '255.255.0.0' },
    ...{ gateway: '192.0.2.1', ipv6: 'auto', dns: '192.0.2.53', ssh_pwauth: 'no', swap: 'zram' },
  });
  expect(rootpw).toBe(crypted(PASSWORD, rootpw!));
}

/** What the system's crypt(3) makes of a password, with the setting that a hash begins with. */
function crypted(password: string, hash: string): string {
  const script = 'print crypt($ARGV[0], $ARGV[1])';
  return execFileSync('perl', ['-e', script, password, hash], { encoding: 'utf8' });
}

describeWith('terminal', 'the dialogue in a terminal', () => {
  it.each([
    ['dumb', 80, 24],
    ['vt100', 80, 24],
    ['linux', 80, 24],
    ['dumb', 40, 12],
    ['linux', 40, 12],
  ] as const)('works on %s, %i by %i', async (term, columns, rows) => {
    const screen = await openScreen(command, { term, columns, rows });
    try {
      await answerAll(screen);
      if (rows === 12) await screen.answer('-- Enter shows more --', '');
      await screen.until('Summary');
      await screen.answer('Send it?', 'yes');
      await screen.until('ended: sent');
      expectAll(given());
      expect(screen.text()).toMatch(/ {2}Password of root +set, not shown\n/);
      expect(screen.sent()).not.toContain(PASSWORD);
      expect(screen.sent(), 'no sequence, and no control but these').toMatch(/^[ -~\r\n\b\x07]*$/);
    } finally {
      screen.close();
    }
  });

  it('survives a paste of junk, and takes none of it', async () => {
    const screen = await openScreen(command);
    try {
      await screen.until('Host name');
      const junk = Buffer.from(Array.from({ length: 6000 }, (_, i) => (i * 7919) % 256));
      // Neither Enter nor what stops.
      screen.type(junk.filter((byte) => ![0x0d, 0x0a, 0x03, 0x04, 0x15].includes(byte)));
      screen.type('\r');
      await screen.until('A line has at most 1024 characters.');
      screen.type('junk\x00\x01\xc3\xa4\r');
      await screen.until('Only plain ASCII is understood here.');
      screen.type('junk\x15');
      await answerAll(screen);
      await screen.answer('Send it?', 'yes');
      await screen.until('ended: sent');
      expectAll(given());
    } finally {
      screen.close();
    }
  });

  it('stops after ^C only if it is meant, and gives nothing then', async () => {
    const screen = await openScreen(command);
    try {
      await screen.answer('Host name [lease7]:', 'node1');
      await screen.until('[link]:');
      screen.type('\x03');
      await screen.answer('Type yes to stop:', 'no');
      await screen.answer('[link]:', 'eth0');
      await screen.until('[dhcp]:');
      screen.type('\x03');
      await screen.answer('Type yes to stop:', 'yes');
      await screen.until('ended: stopped');
      expect(fs.existsSync(file)).toBe(false);
    } finally {
      screen.close();
    }
  });
});

describeWith('terminal', 'the dialogue on a bare serial line', () => {
  it.each(['ctty', 'console'] as const)('works byte by byte (%s)', async (binding) => {
    const line = openSerialLine(binding, command);
    await answerAll(line);
    await line.answer('Send it?', 'yes');
    await line.until('ended: sent');
    expect(await line.done).toBe(0);
    expectAll(given());
    expect(line.heard()).not.toContain(PASSWORD);
    expect(line.heard()).toMatch(/^[ -~\r\n\b\x07]*$/);
  });

  it('refuses UTF-8 and Latin-1, in a password too, and takes the next line', async () => {
    const line = openSerialLine('ctty', command);
    await line.answer('Host name [lease7]:', 'n\xf6de');
    await line.until('n?de\r\nOnly plain ASCII is understood here.');
    await line.answer('Host name [lease7]:', 'n\xc3\xb6de');
    await line.until('n??de\r\nOnly plain ASCII');
    await line.answer('Host name [lease7]:', 'node1');
    await line.until('[link]:');
    line.hangUp();
    await line.done;
  });

  const HANG_UPS: readonly (readonly [string, (line: SerialLine) => Promise<void>])[] = [
    ['at the first question', (line) => line.until('Host name [lease7]:')],
    [
      'in the middle of a line',
      async (line) => {
        await line.until('Host name [lease7]:');
        line.type('node');
        await line.until('node');
      },
    ],
    [
      'before it is confirmed',
      async (line) => {
        await answerAll(line);
        await line.until('Send it?');
        line.type('yes');
        await line.until('Send it? yes');
      },
    ],
  ];
  it.each(HANG_UPS)('leaves nothing where it hangs up %s', async (_, until) => {
    // Where no signal ends it, Node may end itself: it cannot set its stdin back.
    const statuses = { ctty: [128 + 1], 'no-ctty': [3, 128 + 6, 128 + 11], console: [3] };
    for (const binding of ['ctty', 'no-ctty', 'console'] as const) {
      const line = openSerialLine(binding, command);
      await until(line);
      line.hangUp();
      expect(statuses[binding], binding).toContain(await line.done);
      expect(fs.existsSync(file)).toBe(false);
    }
  });
});

describeWith('strace', 'a password that is typed', () => {
  it('goes into one pipe, and to no screen, file or list of processes', async () => {
    const log = join(folder, 'trace');
    const calls = 'trace=execve,openat,creat,write,writev,pwrite64,pwritev,sendto,sendmsg';
    const strace = ['strace', '-f', '-q', '-s', '4096', '-e', calls, '-o', log];
    const line = openSerialLine('ctty', [...strace, ...command]);
    await answerAll(line);
    await line.answer('Send it?', 'yes');
    await line.done;
    const trace = fs.readFileSync(log, 'utf8').split('\n');
    const shown = trace.filter((call) => call.includes(PASSWORD));
    expect(shown.length).toBeGreaterThan(0);
    for (const call of shown)
      expect(call).toMatch(/ (write|sendto)\(\d+, "correct horse 7\\n", 16/);
    const ran = trace.filter((call) => call.includes('execve('));
    expect(ran.some((call) => /openssl|mkpasswd/.test(call))).toBe(true);
    const made = trace.filter((call) => /O_CREAT|creat\(/.test(call) && !call.includes('= -1'));
    expect(made.map((call) => /"([^"]*)"/.exec(call)?.[1])).toEqual([file]);
  });
});

describeWith('terminal', 'a crypted password', () => {
  it.each(['mkpasswd', 'openssl'])('of %s is what logs in', async (only) => {
    const run: typeof runProgram = (program, args, options) =>
      runProgram(program === only ? program : '/absent', args, options);
    const hash = await cryptPassword(PASSWORD, run);
    expect(hash).toMatch(/^\$(y|6)\$/);
    expect(crypted(PASSWORD, hash!)).toBe(hash);
    expect(crypted(`${PASSWORD} `, hash!)).not.toBe(hash);
  });
});

it('nobody is asked without a terminal', () => {
  const { status, stdout } = spawnSync(command[0]!, command.slice(1), { encoding: 'utf8' });
  expect([status, stdout]).toEqual([2, 'ended: no terminal\n']);
});
