import type { CertificateProgram, CertificateSite } from './certificate-server.ts';

export const nginx: CertificateProgram = {
  name: 'nginx',
  command: (configuration) => ['nginx', '-e', 'stderr', '-c', configuration],
  configuration: configurationOf,
};

/** A certificate's name leads to its file by a map; whatever path is asked for is not looked at. */
function configurationOf(site: CertificateSite): string {
  const { folder, port, root, certificates, nodes } = site;
  return `
daemon off;
worker_processes auto;
${process.getuid?.() === 0 ? 'user www-data;' : ''}
pid ${folder}/pid;
events { worker_connections 1024; }
http {
  access_log ${folder}/access.log;
  default_type application/octet-stream;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  map_hash_max_size 32768;
  map_hash_bucket_size 128;
  map $ssl_client_s_dn $object {
    default none;
${nodes.map((node) => `    "CN=${node}" ${node};`).join('\n')}
  }
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_protocols TLSv1.3;
    ssl_ecdh_curve prime256v1;
    ssl_certificate ${certificates}/server.pem;
    ssl_certificate_key ${certificates}/server.pem;
    ssl_client_certificate ${certificates}/ca.pem;
    ssl_verify_client on;
    root ${root}/served;
    location / { try_files /$object =404; }
  }
}
`;
}
