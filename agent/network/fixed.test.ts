import { describe, expect, it } from 'vitest';
import { readCommandLine } from '../answers/cmdline/read.ts';
import { fixedAddress } from './fixed.ts';

// That it is set is in tests/agent/network.test.ts; here is for whom it is.
const LINK = {
  ...{ name: 'eth0', index: 2, mac: '52:54:00:00:00:01', hasLink: true, isPort: true },
};
const outcome = (text: string): string => {
  const fixed = fixedAddress(readCommandLine(`stateless ${text}`).answers, LINK);
  return fixed === undefined ? 'asked for' : 'why' in fixed ? fixed.why : 'set';
};

describe("the command line's address", () => {
  it.each([
    ['ip=192.0.2.7::192.0.2.1:24::eth0:none', 'set'],
    ['ip=192.0.2.7::192.0.2.1:24 BOOTIF=01-52-54-00-00-00-01', 'set'],
    ['ip=192.0.2.7:::24::52-54-00-00-00-01:none BOOTIF=01-52-54-00-00-00-01', 'set'],
    ['ip=[2001:db8::2]/64', 'set'],
    ['ip=off ipv6=2001:db8::2/64', 'set'],
    ['ip=dhcp', 'asked for'],
    ['ip=auto6', 'asked for'],
    ['ip=dhcp ipv6=2001:db8::2/64', 'asked for'],
    ['quiet', 'asked for'],
    ['ip=192.0.2.7', 'ip=192.0.2.7 has no netmask'],
    [
      'BOOTIF=01-52-54-00-00-00-01 ip=192.0.2.7:::24::eth1:none',
      "the command line's address is for eth1",
    ],
    [
      'BOOTIF=eth0 ip=192.0.2.7:::24::52-54-00-00-00-02:none',
      "the command line's address is for 52:54:00:00:00:02",
    ],
    ['ip=192.0.2.7 netmask=24 vlan=5', "the command line's address is for eth0.5"],
    ['ip=192.0.2.7 netmask=24 bond=bond0:eth0,eth1', "the command line's address is for bond0"],
    [
      'ip=192.0.2.7 netmask=24 bond=bond0:eth0,eth1 vlan=5',
      "the command line's address is for bond0.5",
    ],
  ])('%s: %s', (text, expected) => {
    expect(outcome(text)).toBe(expected);
  });
});
