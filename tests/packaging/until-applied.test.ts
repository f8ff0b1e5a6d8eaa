import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWith } from '../support/components.ts';
import { withTemporaryFolder } from '../support/temporary-folder.ts';

const SCRIPTS = join('packaging', 'initramfs');
/** Ends as the first line of `ends` says, which it takes away: with a status, ready before it or not. */
const AGENT = `#!/bin/sh
echo "agent $*" >> "$T/log"
read -r end status < "$T/ends"
sed -i 1d "$T/ends"
# Before whoever waits for it is ready goes on.
[ "$status" != stays ] || echo $$ > "$T/stays"
case $end in
  leased)
    systemd-notify --ready --status=done
    (
      trap 'echo released >> "$T/client"' USR2
      trap 'echo ended >> "$T/client"; exit' TERM
      : > "$T/client"
      while :; do /usr/bin/sleep 0.1; done
    ) &
    echo $! > /run/coatcheck/udhcpc-eth0.pid
    # A signal before its traps stand would end it without a word.
    until [ -e "$T/client" ]; do /usr/bin/sleep 0.01; done
    : > /run/coatcheck/fixed-eth0
    ;;
  ready) systemd-notify --ready --status=done ;;
  killed) kill -9 $$ ;;
esac
[ "$status" != stays ] || exec tail -f /dev/null
exit "$status"
`;
const IP = `#!/bin/sh
echo "ip $*" >> "$T/log"
`;
/** Nobody waits in a test; what would wait for ever is ended as by its power switch. */
const SLEEP = `#!/bin/sh
echo "sleep $1" >> "$T/log"
[ "$1" != 3600 ] || kill -9 $PPID
`;

describeWith('systemd', 'a boot without systemd', () => {
  let folder: string;
  withTemporaryFolder('until', (made) => (folder = made));

  /** Boots with what each try of the agent ends with, and answers what happened. */
  function boot(
    commandLine: string,
    ends: readonly string[],
    { root = join(folder, 'root'), image = 'of the initramfs' } = {},
  ) {
    const at = (path: string): string => join(folder, path);
    const home = at('over/coatcheck');
    for (const path of ['over/coatcheck/initramfs', 'work', 'etc', 'root/etc/coatcheck']) {
      fs.mkdirSync(at(path), { recursive: true });
    }
    fs.cpSync(SCRIPTS, join(home, 'initramfs'), { recursive: true });
    fs.writeFileSync(join(home, 'initramfs/sleep'), SLEEP, { mode: 0o755 });
    fs.writeFileSync(join(home, 'initramfs/ip'), IP, { mode: 0o755 });
    fs.writeFileSync(join(home, 'coatcheck-agent.mjs'), AGENT, { mode: 0o755 });
    fs.writeFileSync(join(home, 'image.json'), image);
    fs.writeFileSync(at('cmdline'), `${commandLine}\n`);
    fs.writeFileSync(at('console'), '');
    fs.writeFileSync(at('log'), '');
    fs.writeFileSync(at('ends'), ends.map((end) => `${end}\n`).join(''));
    fs.mkdirSync(at('site'), { recursive: true });
    fs.writeFileSync(at('site/site.json'), 'of the initramfs');
    fs.writeFileSync(at('site/image-key'), 'secret', { mode: 0o600 });
    const script = `set -e
      mount -t overlay -o "lowerdir=/usr/lib,upperdir=$T/over,workdir=$T/work" overlay /usr/lib
      mount -t tmpfs tmpfs /run
      mkdir -p "$T/etcup/coatcheck" "$T/etcwork"
      cp -p "$T"/site/* "$T/etcup/coatcheck"
      mount -t overlay -o "lowerdir=/etc,upperdir=$T/etcup,workdir=$T/etcwork" overlay /etc
      mount --bind "$T/cmdline" /proc/cmdline
      mount --bind "$T/console" /dev/console
      exec /usr/lib/coatcheck/initramfs/until-applied "$1"`;
    const { status, signal, stderr } = spawnSync(
      'unshare',
      ['--mount', 'sh', '-c', script, 'sh', root],
      { encoding: 'utf8', env: { ...process.env, T: folder } },
    );
    const read = (path: string): string => fs.readFileSync(at(path), 'utf8');
    const log = read('log').trimEnd().split('\n');
    return { end: signal ?? status, stderr, log, console: read('console') };
  }
  const agent = (root = join(folder, 'root')): string =>
    `agent --root ${root} start --console /dev/console`;

  const signedWith = (commandLine: string): { image: string } => ({
    image: `${JSON.stringify({ version: '1', commandLine, date: 'x' })}\n`,
  });

  it.each(['quiet', 'quiet stateless rescue ip=dhcp'])(
    'leads on at once, and asks nobody, with the command line %j',
    (commandLine) => {
      expect(boot(commandLine, [])).toMatchObject({ end: 0, log: [''], console: '' });
    },
  );

  it('asks by no other line than the one that an image is signed with', () => {
    const asked = { end: 0, log: [agent()] };
    expect(boot('stateless rescue', ['ready 0'], signedWith('stateless'))).toMatchObject(asked);
    expect(boot('quiet', ['ready 0'], signedWith('stateless'))).toMatchObject(asked);
    const own = signedWith('stateless rescue');
    expect(boot('stateless rescue', [], own)).toMatchObject({ end: 0, log: [''] });
  });

  it('tries again what another try can mend, and leads on after success alone', () => {
    const { end, log } = boot('stateless', ['fails 7', 'killed 0', 'fails 0', 'ready 0']);
    const rests = ['sleep 30', agent()];
    expect({ end, log }).toEqual({ end: 0, log: [agent(), ...rests, ...rests, ...rests] });
  });

  it('leads on where part of what is in place did not take effect', () => {
    expect(boot('stateless', ['ready 9'])).toMatchObject({ end: 0, log: [agent()] });
    expect(boot('stateless', ['ready 12'])).toMatchObject({ end: 0, log: [agent()] });
  });

  it.each([2, 9])('never leads on after error %i, and says what is left to do', (status) => {
    const { end, log, console: said } = boot('stateless', [`fails ${status}`, 'ready 0']);
    expect(end).not.toBe(0);
    expect(log).toEqual([agent(), 'sleep 3600']);
    expect(said).toMatch(/has no configuration, and nothing else is started/);
    expect(said).toContain('with rescue on the\nkernel command line it gives a shell.');
  });

  it('tells of no shell that an image which is signed with its command line does not give', () => {
    const { console: said } = boot('stateless', ['fails 2'], signedWith('stateless'));
    expect(said).toMatch(/has no configuration, and nothing else is started/);
    expect(said).toContain(
      'only an image that\nwas built with rescue on its command line gives a shell.',
    );
    expect(said).not.toContain('it gives a shell');
  });

  it('gives the root what it lacks of the site, and changes nothing that it has', () => {
    const theirs = join(folder, 'root/etc/coatcheck/site.json');
    fs.mkdirSync(join(folder, 'root/etc/coatcheck'), { recursive: true });
    fs.writeFileSync(theirs, 'of the root');
    expect(boot('stateless', ['ready 0']).end).toBe(0);
    expect(fs.readFileSync(theirs, 'utf8')).toBe('of the root');
    const key = join(folder, 'root/etc/coatcheck/image-key');
    expect([fs.readFileSync(key, 'utf8'), fs.statSync(key).mode & 0o777]).toEqual([
      'secret',
      0o600,
    ]);
    const image = join(folder, 'root/usr/lib/coatcheck/image.json');
    expect(fs.readFileSync(image, 'utf8')).toBe('of the initramfs');
  });

  it("gives back the lease and the address that the agent had: the network is the root's to bring up", async () => {
    const { end, log } = boot('stateless', ['leased 0']);
    expect([end, log.at(-1)]).toEqual([0, 'ip address flush dev eth0']);
    const client = join(folder, 'client');
    await expect.poll(() => fs.readFileSync(client, 'utf8')).toBe('released\nended\n');
  });

  it('leads on in its own root while the agent still reports', () => {
    expect(boot('stateless', ['ready stays'], { root: '/' })).toMatchObject({ end: 0 });
    process.kill(Number(fs.readFileSync(join(folder, 'stays'), 'utf8')));
  });
});
