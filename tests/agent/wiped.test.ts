import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { bindSite, makePcrKey, openBench } from '../support/bound-machine.ts';
import type { Bench, BoundMachine, TestImage } from '../support/bound-machine.ts';
import { openDesk } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import type { Run } from '../support/run.ts';
import { EXIT } from '../../protocol/errors.ts';

/** What becomes of a machine whose TPM was cleared, between the real programs. */

const secret = makePcrKey();
const IMAGE: TestImage = {
  ...{ version: '1', generation: 1, keys: [secret] },
  commandLine: 'stateless coatcheck.key=tpm coatcheck.memory=tpm',
};

describeWith('swtpm', 'a machine whose memory was wiped', () => {
  let desk: Desk;
  let bench: Bench;
  let machine: BoundMachine;
  beforeAll(async () => {
    desk = await openDesk();
  });
  afterAll(() => desk.close());
  beforeEach(async () => {
    bench = await openBench();
    await boot();
  });
  afterEach(() => bench.remove());

  async function boot(): Promise<void> {
    machine = await bench.boot({ ...bindSite(desk.site, secret), servers: [desk.url] }, IMAGE);
    machine.write('etc/motd', 'as it is set up\n');
  }
  const once = (): Promise<Run> =>
    machine.run('--key', 'tpm', '--memory', 'tpm', 'boot', '--once', '--take-over');
  const codeOf = ({ code, stderr }: Run): string =>
    code === 0 ? 'applied' : (/\[(\w+)\]\n$/.exec(stderr)?.[1] ?? stderr);
  const wiped = async (): Promise<unknown> =>
    (await machine.json('--key', 'tpm', '--memory', 'tpm', 'status'))['wiped'];

  it('waits, tells the administrators, and takes what renew makes, and nothing from before', async () => {
    const node = machine.identity.id;
    expect(codeOf(await once())).toBe('nothing_approved');
    await desk.json('approve', node, '--yes');
    expect(codeOf(await once())).toBe('applied');
    bench.tpm.tool('tpm2_clear', '-Q');
    await boot();
    const waits = await once();
    expect(codeOf(waits)).toBe('rollback_refused');
    const [, code] = /the memory \(tpm\) was wiped, code ([0-9a-f]{32})/.exec(waits.stderr)!;
    for (const look of ['show', 'status']) {
      const { stdout } = await desk.run(look, node);
      const said = stdout.replace(/\s+/g, ' ');
      expect(said).toContain('its memory was wiped, and it waits for coatcheck renew');
    }
    await boot();
    expect(await wiped()).toBe(code);
    const review = await desk.run('renew', node);
    const wipe = 'warning: the memory of this machine was wiped, and with this it goes on';
    expect(review.stdout + review.stderr).toContain(wipe);
    await desk.json('renew', node, '--yes');
    // What is changed later goes on from there.
    const later = await desk.run('set', 'answer:proxy=none', node);
    expect(later.stdout + later.stderr).toContain('answer:proxy');
    expect(later.stdout + later.stderr).not.toContain(wipe);
    const back = await once();
    expect(codeOf(back)).toBe('applied');
    expect(back.stdout).toContain('applied decision 2');
    expect(await wiped()).toBeUndefined();
    await boot();
    const line = ['--command-line', machine.path('cmdline'), '--no-network'];
    const started = await machine.run('start', ...line);
    expect(started.stdout).toContain('applied decision 2');
    expect(started.stderr).toContain("the TPM keeps this machine's key until it starts anew");
    expect(codeOf(await once())).toBe('key_refused');
  });

  it('has its TPM shut also where a start fails, and is not tried again', async () => {
    const node = machine.identity.id;
    expect(codeOf(await once())).toBe('nothing_approved');
    await desk.json('approve', node, '--yes');
    machine.write('var/lib/coatcheck/activation.json', 'damaged');
    const line = ['--command-line', machine.path('cmdline'), '--no-network'];
    const failed = await machine.run('start', ...line);
    expect([failed.code, codeOf(failed)]).toEqual([EXIT.usage, 'file_malformed']);
    expect(codeOf(await once())).toBe('key_refused');
  });

  it('that was never decided about proposes as a new one does, and its proposal names the code', async () => {
    const node = machine.identity.id;
    bench.tpm.tool('tpm2_clear', '-Q');
    await boot();
    expect(await wiped()).toMatch(/^[0-9a-f]{32}$/);
    expect(codeOf(await once())).toBe('nothing_approved');
    await desk.json('approve', node, '--yes');
    expect(codeOf(await once())).toBe('applied');
    expect(await wiped()).toBeUndefined();
  });
});
