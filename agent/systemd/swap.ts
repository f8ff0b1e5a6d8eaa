import * as fs from 'node:fs';
import { totalmem } from 'node:os';
import { fail } from '../../protocol/errors.ts';
import { naming } from '../../files/errors.ts';
import { run } from '../programs/run.ts';
import { diskSwap, MAPPED, unitForDisk } from './disk-swap.ts';
import { saidBy } from './systemctl.ts';

const MIB = 1024 * 1024;
const MAX_ZRAM_BYTES = 4096 * MIB;
/** Which device is the agent's. It lives as long as the device does: until the next boot. */
const NOTE = '/run/coatcheck/zram';
const CONTROL = '/sys/class/zram-control';

/**
 * The manager turns it on and off: the sandbox of the agent's own unit lets nobody do so. Below
 * /run, since it is of this boot.
 */
const UNIT_NAME = 'coatcheck-swap.service';
const UNIT = `/run/systemd/system/${UNIT_NAME}`;
const unitFor = (device: string): string => `[Unit]
Description=Swap in compressed memory
DefaultDependencies=no
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=swapon --priority 100 ${device}
ExecStop=-swapoff ${device}
`;

/** Half of the memory, 4 GiB at most, in whole MiB. It costs what is swapped out, compressed. */
export function zramBytes(memoryBytes: number): number {
  return Math.min(MAX_ZRAM_BYTES, Math.floor(memoryBytes / 2 / MIB) * MIB);
}

/**
 * Makes the running machine's swap what a bundle says: `none`, which ends the agent's own and no
 * other, `zram`, a compressed device in memory (zram.rst of the kernel's documentation), or `disk:`, a disk
 * under a key that nobody knows (`diskSwap`).
 *
 * @param options.byAdministrator whether somebody decided it who is not this machine
 * @throws step_failed; file_missing without zram, or without cryptsetup; as `diskSwap`
 */
export async function setSwap(
  policy: string,
  {
    bytes = zramBytes(totalmem()),
    byAdministrator = false,
  }: { readonly bytes?: number; readonly byAdministrator?: boolean } = {},
): Promise<void> {
  if (policy.startsWith('disk:')) {
    const unit = await diskUnit(policy, byAdministrator);
    if (unit !== undefined) {
      await end();
      await startUnit(unit);
    }
    return;
  }
  if (policy === 'none') {
    await end();
    return;
  }
  if (isDiskUnit()) await end();
  const device = `/dev/${ownDevice() ?? (await makeDevice())}`;
  if (isSwap(device)) return;
  const sysfs = `/sys/block/${device.slice(5)}`;
  // A run that was killed may have come to any point: begin anew.
  put(`${sysfs}/reset`, '1');
  put(`${sysfs}/disksize`, String(bytes));
  await must('mkswap', device);
  await startUnit(unitFor(device));
}

/** Undefined where the disk is swap already. */
async function diskUnit(policy: string, byAdministrator: boolean): Promise<string | undefined> {
  if (isDiskUnit()) {
    const [, was] = /^# (disk:.*)$/m.exec(fs.readFileSync(UNIT, 'utf8')) ?? [];
    if (was === policy && isSwap(mapped())) return undefined;
    // Also what a run that was killed left half made: it would be in use.
    await end();
  }
  return unitForDisk(policy, diskSwap(policy, { byAdministrator }));
}

const isDiskUnit = (): boolean =>
  fs.existsSync(UNIT) && fs.readFileSync(UNIT, 'utf8').includes(MAPPED);

/** As /proc/swaps has it: /dev/dm-0. */
const mapped = (): string => (fs.existsSync(MAPPED) ? fs.realpathSync(MAPPED) : MAPPED);

async function startUnit(text: string): Promise<void> {
  fs.mkdirSync('/run/systemd/system', { recursive: true });
  put(UNIT, text);
  await must('systemctl', 'daemon-reload');
  await must('systemctl', 'restart', UNIT_NAME);
}

async function end(): Promise<void> {
  if (fs.existsSync(UNIT)) await must('systemctl', 'stop', UNIT_NAME);
  const name = ownDevice();
  if (name !== undefined) {
    put(`/sys/block/${name}/reset`, '1');
    put(`${CONTROL}/hot_remove`, name.slice('zram'.length));
  }
  fs.rmSync(UNIT, { force: true });
  fs.rmSync(NOTE, { force: true });
}

/** `zram3`; undefined if the agent made none since this boot. */
function ownDevice(): string | undefined {
  const name = fs.existsSync(NOTE) ? fs.readFileSync(NOTE, 'utf8').trim() : '';
  return /^zram\d+$/.test(name) && fs.existsSync(`/sys/block/${name}`) ? name : undefined;
}

async function makeDevice(): Promise<string> {
  // By systemd's own unit, since the sandbox of ours lets nobody load a module.
  if (!fs.existsSync(CONTROL)) await run('systemctl', ['start', 'modprobe@zram.service']);
  if (!fs.existsSync(CONTROL)) {
    throw fail('file_missing', 'this kernel has no zram: build the image with that module');
  }
  // Reading makes a device, and its number is the answer.
  const name = `zram${fs.readFileSync(`${CONTROL}/hot_add`, 'utf8').trim()}`;
  fs.mkdirSync('/run/coatcheck', { recursive: true, mode: 0o700 });
  fs.mkdirSync('/run/systemd/system', { recursive: true });
  fs.writeFileSync(NOTE, `${name}\n`);
  return name;
}

function isSwap(device: string): boolean {
  const lines = fs.readFileSync('/proc/swaps', 'utf8').split('\n').slice(1);
  return lines.some((line) => line.startsWith(`${device} `));
}

const put = (path: string, text: string): void => naming(path, () => fs.writeFileSync(path, text));

async function must(program: string, ...args: string[]): Promise<void> {
  const ran = await run(program, args);
  if (ran.status !== 0) throw fail('step_failed', `${program}: ${saidBy(ran)}`);
}
