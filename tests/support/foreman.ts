import { serveHttp } from './http-servers.ts';
import type { TestServer } from './http-servers.ts';

/**
 * Stands in for Foreman's registration, strictly: what a request has that the published API does not say, or lacks of what
 * it says, is answered as Foreman does and noted in `complaints`. After `app/controllers/api/v2/registration_controller.rb`
 * (`POST /register`: find or create a host, and render its template) and `concerns/foreman/controller/registration.rb` (what
 * it says of an error is a script, too) of theforeman/foreman 3.x.
 */
export interface Foreman extends TestServer {
  /** By name: what it was registered with, and how often. */
  readonly hosts: Map<string, { params: Record<string, string>; times: number }>;
  readonly complaints: string[];
  /** What the next requests are answered instead. */
  readonly instead: (number | 'cut' | 'lost' | 'page')[];
  /** Called while whoever asks waits. */
  onAsked: () => void;
}

const NUMBERS = ['organization_id', 'location_id', 'hostgroup_id', 'operatingsystem_id'];

/** @param script what the host's template is */
export async function startForeman(options: {
  readonly token: string;
  readonly script: (host: string) => string;
}): Promise<Foreman> {
  const hosts: Foreman['hosts'] = new Map();
  const complaints: string[] = [];
  const instead: Foreman['instead'] = [];
  const server = await serveHttp((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      foreman.onAsked();
      const plain = (status: number, text: string): void => {
        response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
      };
      const error = (status: number, text: string): void =>
        plain(status, `echo "ERROR: ${text}";\nexit 1\n`);
      const complain = (what: string): void => {
        complaints.push(what);
        error(422, what);
      };
      const other = instead.shift();
      if (typeof other === 'number') {
        error(other, 'not now');
        return;
      }
      if (other === 'page') {
        plain(200, '<html>Log in</html>');
        return;
      }
      if (request.url !== '/register' || request.method !== 'POST') {
        complain('route');
        return;
      }
      if (request.headers['content-type'] !== 'application/x-www-form-urlencoded') {
        complain('content-type');
        return;
      }
      if (request.headers.authorization !== `Bearer ${options.token}`) {
        plain(401, 'Unable to authenticate user');
        return;
      }
      const { 'host[name]': name = '', ...params } = Object.fromEntries(new URLSearchParams(body));
      if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(name)) {
        complain('host[name]');
        return;
      }
      for (const [key, value] of Object.entries(params)) {
        const [, inHost] = /^host\[(.*)\]$/.exec(key) ?? [];
        const isNumber = NUMBERS.includes(inHost ?? '') && /^\d+$/.test(value);
        const isSwitch = ['host[build]', 'host[managed]'].includes(key) && value === 'false';
        const isSetup =
          /^setup_(insights|remote_execution)$/.test(key) && /^(true|false)$/.test(value);
        if (!isNumber && !isSwitch && !isSetup) {
          complain(`${key}=${value}`);
          return;
        }
      }
      // It would be installed anew.
      if (params['host[build]'] !== 'false') {
        complain('host[build]');
        return;
      }
      hosts.set(name, { params, times: (hosts.get(name)?.times ?? 0) + 1 });
      if (other === 'lost') request.socket.destroy();
      else if (other === 'cut') {
        const script = options.script(name);
        response.writeHead(200, { 'content-length': script.length + 100 }).write(script);
        setImmediate(() => request.socket.destroySoon());
      } else plain(200, options.script(name));
    });
  });
  const foreman: Foreman = { ...server, hosts, complaints, instead, onAsked: () => undefined };
  return foreman;
}
