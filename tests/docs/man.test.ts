import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { describeWith } from '../support/components.ts';

describeWith('shells', 'the manuals', () => {
  const mandoc = (name: string, form: string): string => {
    const { stdout, stderr } = spawnSync('mandoc', ['-T', form, `docs/man/${name}.1`], {
      encoding: 'utf8',
    });
    // Bold and underlined letters are struck twice.
    return (stdout + stderr).replace(/.\x08/g, '');
  };

  it.each(['coatcheck', 'coatcheck-agent'])(
    '%s has nothing that a reader of mdoc objects to',
    (name) => {
      expect(mandoc(name, 'lint')).toBe('');
    },
  );

  it('show options as they are typed', () => {
    const page = mandoc('coatcheck', 'ascii');
    expect(page).toMatch(/^ +--passphrase-file file$/m);
    expect(page).toMatch(/^ +bundle export file folder$/m);
    expect(page).toMatch(/^ +approve \[node \.\.\.\] \[options\]$/m);
    expect(mandoc('coatcheck-agent', 'ascii')).toMatch(/^ +-h, --help$/m);
  });
});
