import { once } from 'node:events';
import type { Socket } from 'node:dgram';

const DNS_PORT = 53;

/** By address: one for each, as long as the process lives. */
const relays = new Map<string, Promise<string>>();

/**
 * A resolver as Node's own can ask it. Node drops the zone of an address (`fe80::53%eth0`), without
 * which nothing reaches it; its sockets keep it. So one of the loopback interface passes questions on
 * to such a resolver, and the answers back.
 * @returns the address itself where it has no zone, else that of the socket, with its port
 */
export async function withoutZone(address: string): Promise<string> {
  if (!address.includes('%')) return address;
  const relay = relays.get(address) ?? startRelay(address);
  relays.set(address, relay);
  return await relay;
}

async function startRelay(address: string): Promise<string> {
  const { createSocket } = process.getBuiltinModule('node:dgram');
  const near = createSocket('udp4');
  const far = createSocket('udp6');
  // A question that is lost on the way is asked again, or told as not answered.
  for (const socket of [near, far]) socket.on('error', () => undefined).unref();
  /** Whose question it was, by its id */
  const ports = new Map<number, number>();
  near.on('message', (question, { port }) => {
    if (question.length < 2) return;
    ports.set(question.readUInt16BE(), port);
    far.send(question, DNS_PORT, address, () => undefined);
  });
  far.on('message', (answer) => {
    const port = answer.length < 2 ? undefined : ports.get(answer.readUInt16BE());
    if (port !== undefined) near.send(answer, port, '127.0.0.1', () => undefined);
  });
  near.bind(0, '127.0.0.1');
  await listening(near);
  return `127.0.0.1:${near.address().port}`;
}

const listening = (socket: Socket): Promise<unknown> => once(socket, 'listening');
