import { BlockList } from 'node:net';
import { fail } from '../../../protocol/errors.ts';
import type { AnswerName, Answers } from './answers.ts';
import { prefixLength } from './addresses.ts';
import { readVlan } from './interface-arguments.ts';

/**
 * What is needed before a configuration can be made without a dialogue: only how the machine gets an
 * address. That is `ip=`, or an `ipv6=` that gives one; with an address of its own also `netmask=`,
 * and with `ip=off` also `ipv6=`. For everything else "the image's own" is an answer: a machine that
 * nobody can log in to, or that no engine manages, may be meant so.
 */
export function missingAnswers({ ip, netmask, ipv6 = 'off' }: Answers): AnswerName[] {
  if (ip === undefined) return ipv6 === 'off' ? ['ip'] : [];
  if (ip === 'off') return ipv6 === 'off' ? ['ipv6'] : [];
  return ip !== 'dhcp' && netmask === undefined ? ['netmask'] : [];
}

/**
 * Refuses answers that are good each for itself, but not together.
 * @throws bad_argument
 */
export function checkTogether(answers: Answers): void {
  const { ip, netmask, gateway, bond, vlan, kdump_nfs, kdump_ssh } = answers;
  const refuse = (said: string): never => {
    throw fail('bad_argument', said);
  };
  if (gateway !== undefined && netmask !== undefined && ip !== undefined && !isWord(ip)) {
    const network = new BlockList();
    network.addSubnet(ip, prefixLength(netmask));
    // One alone in its network has its router on the link.
    if (prefixLength(netmask) < 32 && !network.check(gateway))
      refuse(`gateway=${gateway} is not in the network of ip=${ip}`);
    if (gateway === ip) refuse(`gateway=${gateway} is the address of the machine itself`);
  }
  const bonded = bond?.split(':')[0];
  const on = readVlan(vlan ?? '')?.on;
  if (bonded !== undefined && on !== undefined && on !== bonded) {
    refuse(`vlan=${vlan} is not on the bond ${bonded}, which gets the address`);
  }
  const named = answers['coatcheck.interface'];
  if (named?.includes(':') === true && vlan !== undefined && on === undefined) {
    refuse(`coatcheck.interface=${named}: a VLAN needs the name of its interface`);
  }
  if (kdump_nfs !== undefined && kdump_ssh !== undefined) {
    refuse('kdump_nfs= and kdump_ssh=: a crashed kernel is dumped to one place');
  }
}

const isWord = (ip: string): boolean => ip === 'dhcp' || ip === 'off';
