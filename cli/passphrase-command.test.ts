import { expect, it } from 'vitest';
import { firstLineOf } from './passphrase-command.ts';

const said = (command: string, limit?: number): Promise<string> =>
  firstLineOf(command, { PATH: process.env['PATH'] }, limit);

it.each([
  ['is the first line', 'echo "a pass phrase"; echo login: ada', 'a pass phrase'],
  ['needs no end', 'printf abc', 'abc'],
  ['ends as Windows ends lines', "printf 'abc\\r\\nd'", 'abc'],
  ['keeps blanks, which are meant', "echo ' abc '", ' abc '],
  ['comes in pieces', 'printf ab; sleep 0.1; printf c; echo', 'abc'],
  ['is followed by more than anybody wants', 'echo abc; head -c 3000000 /dev/zero', 'abc'],
  ['is taken although something goes on', 'sleep 3 & echo abc', 'abc'],
])('%s', async (_, command, line) => {
  expect(await said(command)).toBe(line);
});

it.each([
  ['fails', 'echo abc; exit 3', 'step_failed', 'ended with 3'],
  ['fails in silence', 'exit 1', 'step_failed', 'ended with 1'],
  ['is killed', 'kill -9 $$', 'step_failed', 'was ended by SIGKILL'],
  ['is not there', 'no-such-command-of-anybody 2>&-', 'step_failed', 'ended with 127'],
  ['says nothing', 'true', 'step_failed', 'has nothing on its first line'],
  ['says it too late', 'echo; echo abc', 'step_failed', 'has nothing on its first line'],
  ['never ends its line', 'cat /dev/zero', 'step_failed', 'has more than 1024 bytes'],
  ['says no text', "printf '\\377\\376\\n'", 'file_malformed', 'UTF-16'],
])('is refused of a command that %s', async (_, command, code, message) => {
  const refused = { code, message: expect.stringContaining(message) as string };
  await expect(said(command)).rejects.toMatchObject(refused);
});

it('is not waited for without end', async () => {
  await expect(said('exec sleep 600', 0.2)).rejects.toMatchObject({
    code: 'step_failed',
    message: expect.stringContaining('did not end within 0.2 seconds') as string,
  });
});
