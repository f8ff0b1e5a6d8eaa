import { describe, expect, it } from 'vitest';
import { openTestTerminal } from '../../../tests/support/terminal.ts';
import type { TestTerminal } from '../../../tests/support/terminal.ts';
import type { Answers } from '../cmdline/answers.ts';
import type { cryptPassword } from './crypt.ts';
import { askForAnswers } from './dialogue.ts';
import type { Facts } from './dialogue.ts';

const NOTHING: Facts = { interfaces: [], offered: {} };
const HASH = `$6$salt$${'x'.repeat(86)}`;

interface AskOptions {
  readonly initial?: Answers;
  readonly facts?: Facts;
  readonly crypt?: typeof cryptPassword;
  readonly size?: { columns?: number; rows?: number };
}

/** Types the lines ahead, and hangs up behind them: a dialogue that asks for more throws. */
async function ask(
  lines: readonly string[],
  { initial = {}, facts = NOTHING, crypt = async () => HASH, size = {} }: AskOptions = {},
): Promise<{ answers: Answers | undefined; terminal: TestTerminal; screen: string }> {
  const terminal = openTestTerminal(size);
  terminal.type(lines.map((line) => `${line}\r`).join(''));
  terminal.hangUp();
  const answers = await askForAnswers(terminal, initial, facts, { crypt });
  return { answers, terminal, screen: terminal.screen() };
}

/** Enter at every question of a page, as far as they are asked under DHCP. */
const ENTERS = {
  machine: [''],
  network: ['', '', '', '', ''],
  names: ['', ''],
  access: ['', '', '', ''],
  management: [''],
  logs: ['', ''],
};
const { machine, network, names, access, management, logs } = ENTERS;
const ALL = [...machine, ...network, ...names, ...access, ...management, ...logs];

describe('the dialogue', () => {
  it('asks for the usual where Enter is all that is typed, and gives what was confirmed', async () => {
    const { answers, screen } = await ask([...ALL, 'yes']);
    expect(answers).toEqual({ BOOTIF: 'link', ip: 'dhcp', swap: 'none' });
    expect(screen).toContain('1/6 This machine\nHost name [what DHCP says]:\n');
    expect(screen).toContain('IPv4 (dhcp, off or address) [dhcp]:');
    expect(screen).toContain('Summary\n');
  });

  it('gives every answer in the one form that the command line has', async () => {
    const { answers } = await ask(
      [
        'NODE1.example.com',
        ...['01-52-54-00-77-00-01', '192.0.2.7', '24', '192.0.2.1', 'auto', '100', ''],
        ...['192.0.2.53,192.0.2.54', 'ntp.example.com'],
        ...['secret', 'secret', '', '1', 'de'],
        ...['engine.example.com', '8443', 'ab'.repeat(20)],
        ...['log.example.com:514', 'zram'],
        'yes',
      ],
      { size: { rows: 50 } },
    );
    expect(answers).toEqual({
      hostname: 'node1.example.com',
      BOOTIF: '52:54:00:77:00:01',
      ip: '192.0.2.7',
      netmask: '255.255.255.0',
      gateway: '192.0.2.1',
      ipv6: 'auto',
      vlan: '100',
      dns: '192.0.2.53,192.0.2.54',
      ntp: 'ntp.example.com',
      rootpw: HASH,
      ssh_pwauth: 'yes',
      keyboard: 'de',
      management_server: 'engine.example.com',
      management_port: '8443',
      management_server_fingerprint: Array(20).fill('AB').join(':'),
      syslog: 'log.example.com:514',
      swap: 'zram',
    });
  });

  it('starts from what is known, keeps what it does not ask, and empties with a minus', async () => {
    const initial = { hostname: 'old', dns: '192.0.2.1', tuned: 'virtual-host', rootpw: HASH };
    const lines = [...machine, ...network, '-', '', ...access, ...management, ...logs, 'yes'];
    const { answers, screen } = await ask(lines, { initial });
    expect(answers).toEqual({
      ...{ hostname: 'old', tuned: 'virtual-host', rootpw: HASH },
      ...{ BOOTIF: 'link', ip: 'dhcp', swap: 'none' },
    });
    expect(screen).toContain('Name servers [192.0.2.1]:');
    expect(screen).toContain('Password of root [as it is]:');
    expect(screen).toMatch(/- Not asked\n {2}tuned +virtual-host\n/);
  });

  it('says at once what is wrong with an answer, and asks again', async () => {
    const lines = ['two words', 'node_1', 'n\xf6de', 'x'.repeat(2000), 'node1', ...ALL.slice(1)];
    const { answers, screen } = await ask([...lines, 'yes']);
    expect(answers?.hostname).toBe('node1');
    expect(screen).toContain('no underscore), and not "node_1"');
    expect(screen).toContain('Only plain ASCII is understood here.');
    expect(screen).toContain('A line has at most 1024 characters.');
  });

  it('goes back question by question, over pages', async () => {
    const lines = ['first', '', '<', '<', 'second', ...network, ...ALL.slice(6), 'yes'];
    const { answers } = await ask(lines);
    expect(answers?.hostname).toBe('second');
  });

  it('explains', async () => {
    const { screen } = await ask(['?', ...ALL, 'yes']);
    expect(screen).toContain('host name; as an argument of the kernel: hostname=node1.example.com');
  });

  it('corrects one page from the summary, and drops what makes no sense any more', async () => {
    const initial = { ip: '192.0.2.7', netmask: '255.255.255.0', gateway: '192.0.2.1' };
    const page = ['', 'dhcp', '', '', ''];
    const { answers, screen } = await ask(
      [...machine, ...network, '', '', ...ALL.slice(6), '9', 'maybe', '2', ...page, 'yes'],
      { initial },
    );
    expect(answers).toEqual({ BOOTIF: 'link', ip: 'dhcp', swap: 'none' });
    expect(screen).toMatch(/ {2}IPv4 +192\.0\.2\.7\n {2}Netmask +255\.255\.255\.0\n/);
  });

  it.each([
    ['no way to an address', ['off', '', '', ''], 'ipv6: it cannot stay empty.'],
    [
      'a gateway elsewhere',
      ['192.0.2.7', '24', '198.51.100.1', '', '', ''],
      'gateway=198.51.100.1 is not in the network of ip=192.0.2.7',
    ],
  ])('sends nothing with %s', async (_, page, said) => {
    const wrong = [...machine, '', ...page, '', '', ...access, ...management, ...logs, 'yes'];
    const { answers, screen } = await ask([...wrong, '2', '', 'dhcp', '', '', '', 'yes']);
    expect(screen).toContain(said);
    expect(answers).toEqual({ BOOTIF: 'link', ip: 'dhcp', swap: 'none' });
  });

  it('wants a netmask for an address', async () => {
    const { screen, answers } = await ask([
      ...['', '', '192.0.2.7', '', '-', '24', '', '', '', ''],
      ...ALL.slice(6),
      'yes',
    ]);
    expect(screen.match(/It cannot stay empty\./g)).toHaveLength(2);
    expect(answers?.netmask).toBe('255.255.255.0');
  });

  it('offers what DHCP said: the name, and the rest for an address of its own', async () => {
    const offered = {
      ...{ hostname: 'lease7', ip: '192.0.2.7', netmask: '255.255.255.0', gateway: '192.0.2.1' },
      ...{ dns: '192.0.2.53', ntp: 'x\x1b[2Jy', rootpw: HASH, nonsense: 'x' },
    };
    const interfaces = [{ name: 'eth\x1b0', mac: '52:54:00:77:00:01', hasLink: true }];
    const facts = { interfaces, offered };
    const dhcp = await ask([...ALL, 'yes'], { facts });
    expect(dhcp.answers).toEqual({ hostname: 'lease7', BOOTIF: 'link', ip: 'dhcp', swap: 'none' });
    expect(dhcp.screen).toContain(
      'DHCP offers 192.0.2.7, gateway 192.0.2.1, name servers 192.0.2.53',
    );
    expect(dhcp.screen).toContain('eth<U+001B>0');
    const lines = ['', '', '192.0.2.8', '', '', '', '', '', ...ALL.slice(6), 'yes'];
    const own = await ask(lines, { facts });
    expect(own.answers).toMatchObject({ gateway: '192.0.2.1', dns: '192.0.2.53' });
    expect(Object.keys(own.answers!)).not.toContain('rootpw');
  });

  it('says what yes does where nobody approves it', async () => {
    const facts = { ...NOTHING, unapproved: true };
    const { screen } = await ask([...ALL, 'no'], { facts });
    expect(screen).toMatch(/UNAPPROVED: your answers are applied, and nobody has reviewed them/);
    expect(screen).toMatch(/yes applies it, [^]*Apply it\? no\nStopped\. Nothing was applied\.\n$/);
  });

  it.each([
    ['no at the summary', [...ALL, 'no']],
    ['^C and yes', ['node1', '\x03yes']],
    ['^C twice', ['node1', '\x03\x03']],
    ['^D and yes', ['\x04yes']],
  ])('gives nothing after %s', async (_, lines) => {
    const { answers, screen, terminal } = await ask(lines);
    expect(answers).toBeUndefined();
    expect(screen).toMatch(/Stopped\. Nothing was sent\.\n$/);
    expect(terminal.raw.at(-1)).toBe(false);
  });

  it('goes on after ^C and no', async () => {
    expect((await ask(['\x03no', ...ALL, 'yes'])).answers).toBeDefined();
  });

  it('gives nothing where the line was closed, wherever that is', async () => {
    const lines = [...ALL.slice(0, 8), 'secret', 'secret', ...ALL.slice(9)];
    for (let n = 0; n <= lines.length; n++) {
      await expect(ask(lines.slice(0, n))).rejects.toMatchObject({ code: 'interrupted' });
    }
  });

  it('ends by itself when it is not asked any more', async () => {
    const terminal = openTestTerminal();
    const abort = new AbortController();
    const asked = askForAnswers(terminal, {}, NOTHING, { signal: abort.signal });
    abort.abort();
    await expect(asked).rejects.toMatchObject({ code: 'interrupted' });
    expect(terminal.raw.at(-1)).toBe(false);
  });

  it('shows a long summary screen by screen', async () => {
    const { screen, answers } = await ask([...ALL, '', 'yes'], { size: { columns: 40, rows: 9 } });
    expect(screen.match(/-- Enter shows more --/g)).toHaveLength(1);
    expect(answers).toBeDefined();
    expect(Math.max(...screen.split('\n').map((line) => line.length))).toBeLessThan(40);
  });
});

describe('a password', () => {
  const before = [...machine, ...network, ...names];
  const after = [...management, ...logs, 'yes'];

  it('is asked twice, crypted at once, and shown nowhere', async () => {
    const crypted: string[] = [];
    const crypt = async (password: string): Promise<string> => {
      crypted.push(password);
      return HASH;
    };
    const { answers, terminal } = await ask(
      [...before, 'hunter 2', 'hunter 3', ' h 2 ', ' h 2 ', '', '', '', ...after],
      { crypt },
    );
    expect(answers?.rootpw).toBe(HASH);
    expect(crypted).toEqual([' h 2 ']);
    expect(terminal.written()).toContain('The two differ.');
    for (const secret of ['hunter', ' h 2', HASH, 'xxxx']) {
      expect(terminal.written()).not.toContain(secret);
    }
  });

  it('is refused if it is too long, or no plain ASCII', async () => {
    const { screen, answers } = await ask([
      ...before,
      'x'.repeat(129),
      'p\xe4ss',
      '',
      '',
      '',
      '',
      ...after,
    ]);
    expect(screen).toContain('A password has at most 128 characters.');
    expect(screen).toContain('Only plain ASCII is understood here.');
    expect(answers?.rootpw).toBeUndefined();
  });

  it('may come crypted where the image crypts none', async () => {
    const crypt = async (): Promise<undefined> => undefined;
    const { answers, terminal } = await ask(
      [...before, 'a', 'a', 'not crypted', 'a', 'a', '', 'a', 'a', HASH, '', '', '', ...after],
      { crypt },
    );
    expect(answers?.rootpw).toBe(HASH);
    expect(terminal.screen()).toContain('No program of this image crypts passwords');
    expect(terminal.written()).not.toContain(HASH);
    expect(terminal.written()).not.toContain('not crypted');
  });
});
