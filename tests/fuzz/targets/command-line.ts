import { ANSWERS, checkAnswer } from '../../../agent/answers/cmdline/answers.ts';
import type { AnswerName } from '../../../agent/answers/cmdline/answers.ts';
import { ORDERS } from '../../../agent/answers/cmdline/orders.ts';
import { readCommandLine } from '../../../agent/answers/cmdline/read.ts';
import { splitCommandLine } from '../../../agent/answers/cmdline/split.ts';
import { missingAnswers } from '../../../agent/answers/cmdline/together.ts';
import { makeFiles } from '../../../agent/answers/autoinstall/make-files.ts';
import type { Layout } from '../../../agent/answers/autoinstall/layout.ts';
import { TEMPLATES } from '../../../agent/answers/autoinstall/templates.ts';
import { encodeManifest } from '../../../bundle/manifest.ts';
import { manifestOf } from '../../fixtures/format.ts';
import type { Target } from '../engine/target.ts';
import { demand, sameText, verdict } from '../engine/verdict.ts';

const NEEDS = TEMPLATES.flatMap(({ needs = [] }) => needs);
const accounts = { 'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\n', 'etc/group': 'sudo:x:27:\n' };
const LAYOUTS: readonly Layout[] = ['NetworkManager.service', 'systemd-networkd.service'].map(
  (network) => ({ has: new Set([network, 'rsyslog.service', ...NEEDS]), accounts }),
);

const examples = [...ORDERS, ...ANSWERS].map(({ example }) =>
  example.replace('...', 'x'.repeat(86)),
);

/**
 * The kernel's command line: words that cover it; `bad_argument` and no other code; answers in a form
 * that is taken again as it is; and files of them that a bundle may hold, of lines that hold no other.
 */
export const target: Target = {
  run(input) {
    const text = Buffer.from(input).toString('latin1');
    let end = 0;
    for (const { name, value, position } of splitCommandLine(text)) {
      demand(position > end && position <= text.length, 'a word is out of place');
      end = position;
      const said = text.slice(position - 1);
      demand(said.startsWith(name) || said.startsWith(`"${name}`), 'a name is not what was said');
      demand(value === undefined || said.includes(value), 'a value is not what was said');
    }
    const outcome = verdict(() => {
      const { orders, answers } = readCommandLine(text);
      if (!orders.stateless) {
        demand(Object.keys(answers).length === 0 && !orders.rescue, 'an installed system is told');
        return 'installed';
      }
      for (const [name, value] of Object.entries(answers) as [AnswerName, string][]) {
        demand(
          ANSWERS.some((answer) => answer.name === name),
          'an answer that there is not',
        );
        sameText(checkAnswer(name, value), value, name);
        demand(/^[!-~]+$/.test(value) && !/["'`\\]/.test(value), 'a value that needs quoting');
      }
      if (missingAnswers(answers).length > 0) return 'not enough';
      const layout = LAYOUTS[text.length % 2]!;
      const { files, metadata, unmet } = makeFiles(answers, layout, { name: 'eth0' });
      encodeManifest(manifestOf({ files, metadata }));
      for (const { path, content } of files) {
        demand(/^[\n -~]*$/.test(Buffer.from(content).toString('latin1')), `${path} is no text`);
      }
      demand(
        unmet.every((name) => name === 'netconsole'),
        'an answer is lost',
      );
      return `ok ${Object.keys(answers).length}`;
    });
    demand(/^(bad_argument|ok .*|installed|not enough)$/.test(outcome), `refused as ${outcome}`);
    return outcome;
  },
  seeds: [
    'BOOT_IMAGE=vmlinuz ro quiet console=ttyS0,115200\n',
    'stateless ip=dhcp BOOTIF=01-52-54-00-77-00-01 hostname=n1',
    'stateless ip=192.0.2.7:192.0.2.1:192.0.2.1:255.255.255.0 dns=192.0.2.53,fd77::53',
    'stateless ip=192.0.2.7::192.0.2.1:24:n1:eth0:none ipv6=fd77::5/64 vlan=100:eth0',
    'stateless=1 ip=dhcp "bond=bond0:eth0,eth1:mode=802.3ad,miimon=100" vlan="7"',
    'firstboot reinstall=0 ovirt_stateless -- BOOTIF=link management_server=e.example:8443',
    ...examples.map((example, i) => `stateless ip=dhcp ${example} ${examples.at(i - 7)}`),
  ].map((text) => Buffer.from(text, 'latin1')),
  words: [
    ...[...ORDERS, ...ANSWERS].map(({ name }) => `${name}=`),
    ...[
      ' ',
      '"',
      '=',
      ':',
      ',',
      '\xa0',
      ' -- ',
      'ovirt_',
      'usb',
      'dhcp',
      'off',
      'file:/',
      '0.0.0.0',
    ],
  ],
  limits: { maxBytes: 500, work: [8000, 40], allocated: [16_384, 64] },
};
