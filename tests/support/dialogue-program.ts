import { writeFileSync } from 'node:fs';
import { askForAnswers } from '../../agent/answers/dialogue/dialogue.ts';
import { openTerminal } from '../../agent/answers/dialogue/terminal.ts';
import { codeOf } from '../../protocol/errors.ts';

/*
 * The dialogue and nothing else, as a program: `<file for the answers> [<terminal>]`. Says how it
 * ended in its last line, which begins with `ended:`.
 */
const [file, path] = process.argv.slice(2);
const facts = {
  interfaces: [{ name: 'eth0', mac: '52:54:00:77:00:01', hasLink: true }],
  offered: { hostname: 'lease7', ip: '192.0.2.7', netmask: '24', gateway: '192.0.2.1' },
};
process.stdout.on('error', () => undefined); // as the agent: the line may have hung up
const terminal = openTerminal(path);
if (terminal === undefined) end('no terminal', 2);
else {
  try {
    const answers = await askForAnswers(terminal, {}, facts);
    if (answers !== undefined) writeFileSync(file!, JSON.stringify(answers));
    end(answers === undefined ? 'stopped' : 'sent', 0);
  } catch (error) {
    end(codeOf(error), 3);
  }
  terminal.close();
}

function end(how: string, exitCode: number): void {
  process.exitCode = exitCode;
  process.stdout.write(`ended: ${how}\n`);
}
