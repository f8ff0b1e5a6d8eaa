import { connect } from 'node:net';
import type { Socket } from 'node:net';

/**
 * `flood.ts PORT IDLE SLOW PIPELINING`: so many strangers hang on a server, and come back a while after
 * they were cut off. Half of the slow ones never end their headers, and half never their body. Writes a line once all have
 * come.
 */
const [port = 0, idle = 0, slow = 0, pipelining = 0] = process.argv.slice(2).map(Number);

const RETURN_MILLISECONDS = 1000;
const DRIP_MILLISECONDS = 1000;
const NODE = 'a'.repeat(32);
const MANY = 'GET /v1/health HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(500);

let come = 0;

function keepDialling(act: (socket: Socket) => void): void {
  let isFirst = true;
  const dial = (): void => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.once('connect', () => {
      if (isFirst && ++come === idle + slow + pipelining) console.log('all have come');
      isFirst = false;
      act(socket);
    });
    socket.once('close', () => setTimeout(dial, Math.random() * RETURN_MILLISECONDS));
    socket.resume();
  };
  dial();
}

function drip(socket: Socket, head: string, drop: string): void {
  socket.write(head);
  const timer = setInterval(() => socket.write(drop), DRIP_MILLISECONDS);
  socket.once('close', () => clearInterval(timer));
}

function pour(socket: Socket): void {
  while (!socket.destroyed && socket.write(MANY));
}

for (let i = 0; i < idle; i++) keepDialling(() => undefined);
for (let i = 0; i < slow; i++) {
  keepDialling((socket) => {
    if (i % 2 === 0) drip(socket, 'GET /v1/health HTTP/1.1\r\nhost: a\r\n', 'x: y\r\n');
    else
      drip(
        socket,
        `POST /v1/nodes/${NODE}/proposals HTTP/1.1\r\nhost: a\r\ncontent-length: 9999\r\n\r\n`,
        'x',
      );
  });
}
for (let i = 0; i < pipelining; i++) {
  keepDialling((socket) => {
    socket.on('drain', () => pour(socket));
    pour(socket);
  });
}
