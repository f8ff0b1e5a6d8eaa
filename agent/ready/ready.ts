import { hostname } from 'node:os';
import { connect } from 'node:net';
import { fail } from '../../protocol/errors.ts';
import type { Node } from '../boot/node.ts';
import { trying } from '../systemd/failure.ts';
import type { Failure } from '../systemd/failure.ts';
import { isOwnRoot, withRoot } from '../tree/folder.ts';
import { readEngine, readWebhook } from './config.ts';
import type { Engine } from './config.ts';
import { NOT_ASKED } from './readiness.ts';
import type { MakeReady } from './readiness.ts';
import { registerHost } from './engine.ts';
import { runHooks } from './hooks.ts';
import { callWebhook } from './webhook.ts';

/**
 * Makes a machine that is configured available: the executables of /etc/coatcheck/ready.d, then the
 * webhook of /etc/coatcheck/ready.json, then the engine of /etc/coatcheck/engine.json. What of it is
 * not there is not done; what fails is in the answer, and the rest is done all the same. Below
 * another root than `/` nothing is: the machine that it belongs to does not run.
 */
export function makeReady(node: Node): MakeReady {
  const { rootPath, identity, console } = node;
  return async (about) => {
    if (!isOwnRoot(rootPath)) return NOT_ASKED;
    const done: string[] = [];
    const failed: Failure[] = [];
    /** @param act answers whether there was anything to do */
    const step = async (what: string, act: () => Promise<boolean>): Promise<void> => {
      if ((await trying(failed, what, act)) === true) done.push(what);
    };

    const env = {
      COATCHECK_NODE: identity.id,
      COATCHECK_STATEMENT: about.statement,
      COATCHECK_SEQ: String(about.seq),
      COATCHECK_APPROVED: about.isApproved ? 'yes' : 'no',
    };
    const hooks = await trying(failed, 'ready.d', () => runHooks(rootPath, console, env));
    done.push(...(hooks?.done ?? []));
    failed.push(...(hooks?.failed ?? []));
    await step('webhook', async () => {
      const webhook = withRoot(rootPath, readWebhook);
      if (webhook === undefined) return false;
      await callWebhook(node, webhook, { ...about, failed: [...about.failed, ...failed] });
      return true;
    });
    await step('engine', async () => {
      const found = withRoot(rootPath, readEngine);
      if (found === undefined) return false;
      const { engine, credentials } = found;
      const name = hostname();
      const address = name.includes('.') ? name : await localAddressTo(engine);
      const isNew = await registerHost(engine, credentials, { name, address });
      console.note(`${name} is ${isNew ? 'now' : 'already'} a host of the engine ${engine.server}`);
      return true;
    });
    return { done, failed };
  };
}

/** The address from which this machine reaches the engine: a name without a domain leads nowhere. */
function localAddressTo({ server, port }: Engine): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server, port, timeout: 10_000 }, () => {
      resolve(socket.localAddress!);
      socket.destroy();
    });
    const refuse = (): void => {
      socket.destroy();
      reject(fail('server_unreachable', `the engine ${server}:${port} cannot be reached`));
    };
    socket.once('error', refuse).once('timeout', refuse);
  });
}
