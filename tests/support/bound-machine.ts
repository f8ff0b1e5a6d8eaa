import { generateKeyPairSync } from 'node:crypto';
import { rmSync } from 'node:fs';
import { sha256 } from '#platform';
import { toBase64Url, toHex, utf8 } from '../../bundle/bytes.ts';
import { deriveIdentity } from '../../bundle/identity.ts';
import type { Identity } from '../../bundle/identity.ts';
import { readAuthorities } from '../../agent/identity/authority.ts';
import { readTpmSeed } from '../../agent/identity/keys/tpm-seed.ts';
import type { Authority } from '../../agent/identity/tpm/policy.ts';
import { pcrKeyOf, signPolicies } from '../../cli/image/sign-policies.ts';
import { registersPolicy } from '../../protocol/measured.ts';
import { formatPolicies } from '../../protocol/policies.ts';
import type { Site } from '../../protocol/site.ts';
import { makeMachine } from './machine.ts';
import type { Machine } from './machine.ts';
import { startSwtpm } from './swtpm.ts';
import type { Swtpm } from './swtpm.ts';

/** Names the TPM that the agent, and what runs in this process, speaks to. */
export const TPM_VARIABLE = 'TPM2TOOLS_TCTI';

/** A key that signs policies for TPMs: PKCS #8, PEM. */
export const makePcrKey = (): Uint8Array =>
  utf8(
    generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    }) as string,
  );

/** The site whose machines' TPMs take what these keys signed; the one that signs now first. */
export const bindSite = (site: Site, ...keys: readonly Uint8Array[]): Site => ({
  ...site,
  pcrKeys: keys.map((key) => toBase64Url(pcrKeyOf(key).modulus)),
});

/** An image of a site. */
export interface TestImage {
  readonly version: string;
  readonly generation: number;
  /** The arguments of the kernel that it is signed with, in one line */
  readonly commandLine: string;
  /** What signed policies for it, PEM; nothing: whoever starts it gets what any program gets. */
  readonly keys: readonly Uint8Array[];
}

/** What the stub of an image extends PCR 11 with. */
const measuredOf = ({ version, commandLine }: TestImage): Uint8Array =>
  sha256(utf8(`${version}\0${commandLine}`));

/** The policy of what the registers hold once an image was started: PCR 7, 12 and 13 are zero here. */
function registersOf(image: TestImage): Uint8Array {
  const zero = new Uint8Array(32);
  return registersPolicy([zero, sha256(zero, measuredOf(image)), zero, zero]);
}

/** The power goes off and on, and the firmware starts an image: nothing of it is in a root yet. */
export async function startImage(tpm: Swtpm, image: TestImage): Promise<void> {
  await tpm.stop();
  await tpm.start();
  tpm.tool('tpm2_pcrextend', `11:sha256=${toHex(measuredOf(image))}`);
}

/** Puts into a root what an image has there of itself, and what its stub puts beside. */
export function putImage(machine: Pick<Machine, 'write'>, image: TestImage): void {
  const { version, generation, commandLine, keys } = image;
  const about = { version, date: '2026-11-01T00:00:00Z', commandLine };
  machine.write('usr/lib/coatcheck/image.json', JSON.stringify(about));
  machine.write('cmdline', `${commandLine}\n`);
  if (keys.length === 0) return;
  const claim = { version, generation };
  const policies = keys.map((key) => signPolicies(key, registersOf(image), claim));
  const text = formatPolicies({ image: claim, policies });
  machine.write('.extra/tpm2-pcr-signature.json', text);
}

/**
 * A machine whose key is its TPM's, which gives it to signed images alone. `identity` is read when it is asked for first: the
 * TPM gives it until the agent is done.
 */
export interface BoundMachine extends Omit<Machine, 'reboot'> {
  /** What opens what the TPM keeps for the image that runs */
  readonly authority: Authority;
}

/**
 * A machine that was switched on with an image: its root, which holds no key. Where key and memory are is said to `run`.
 * @param site of {@link bindSite}
 */
export async function bootBound(tpm: Swtpm, site: Site, image: TestImage): Promise<BoundMachine> {
  await startImage(tpm, image);
  const machine = makeMachine(site);
  rmSync(machine.path('etc/coatcheck/key'));
  putImage(machine, image);
  const [authority] = readAuthorities(site, machine.root);
  if (authority === undefined) throw new Error('neither image nor site is bound');
  let identity: Identity | undefined;
  return {
    ...machine,
    authority,
    get identity() {
      return (identity ??= deriveIdentity(readTpmSeed(authority)));
    },
  };
}

/** A TPM that the agent and this process speak to, and the machines that were switched on with it. */
export interface Bench {
  readonly tpm: Swtpm;
  /** As {@link bootBound}, on this TPM. */
  boot(site: Site, image: TestImage): Promise<BoundMachine>;
  /** Removes the TPM, and the roots of all machines. */
  remove(): Promise<void>;
}

export async function openBench(): Promise<Bench> {
  const tpm = await startSwtpm();
  process.env[TPM_VARIABLE] = tpm.tcti;
  const machines: BoundMachine[] = [];
  return {
    tpm,
    async boot(site, image) {
      const machine = await bootBound(tpm, site, image);
      machines.push(machine);
      return machine;
    },
    async remove() {
      await tpm.remove();
      Reflect.deleteProperty(process.env, TPM_VARIABLE);
      for (const machine of machines) machine.remove();
    },
  };
}
