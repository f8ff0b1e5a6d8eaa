import { describe, expect, it } from 'vitest';
import { fail } from '../../protocol/errors.ts';
import { whyUnreachable } from './4-server.ts';

const lease = { addresses: ['fd77::5/64'], search: [], dns: [] };

describe('a server that cannot be reached', () => {
  it('is the fault of the network where the machine has only an advertised address', () => {
    const error = fail('server_unreachable', 'the server x did not answer: connect ETIMEDOUT');
    expect(whyUnreachable(error, lease)).toBe(error);
    expect(whyUnreachable(error, { ...lease, isBare: true })).toMatchObject({
      code: 'network_down',
      message:
        'this machine has fd77::5/64, which a router advertised, no lease and no resolver: the server x did not answer: connect ETIMEDOUT',
    });
  });

  it('or no way there', () => {
    const error = fail('server_unreachable', 'connect ENETUNREACH 10.0.0.1:8420');
    expect(whyUnreachable(error, lease)).toMatchObject({
      code: 'network_down',
      message: 'this machine has fd77::5/64: connect ENETUNREACH 10.0.0.1:8420',
    });
    expect(whyUnreachable(error, { ...lease, addresses: [] }).message).toContain('has no address:');
  });
});
