import { describe, expect, it } from 'vitest';
import { fail } from '../../protocol/errors.ts';
import { waitForAnswer } from './activate.ts';

describe('a network that was restarted', () => {
  it('is waited for until the server answers', async () => {
    let asked = 0;
    await waitForAnswer(() =>
      ++asked < 2 ? Promise.reject(fail('server_unreachable', 'not yet')) : Promise.resolve(),
    );
    expect(asked).toBe(2);
  });

  it('has failed once the time for that is over', async () => {
    const never = (): Promise<never> => Promise.reject(fail('server_unreachable', 'gone'));
    await expect(waitForAnswer(never, 0)).rejects.toThrow('gone');
  });
});
