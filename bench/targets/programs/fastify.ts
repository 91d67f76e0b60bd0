// A pass-through with nothing in it: no log, no keys, no look into the body. Arguments: port, URL of the upstream.
import { fastify } from 'fastify';
import { Pool } from 'undici';

const [, , port, upstreamUrl = ''] = process.argv;
const upstream = new Pool(upstreamUrl);
const app = fastify({ bodyLimit: 32 * 1024 * 1024 });

app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
  done(null, body),
);
app.post('/v1/chat/completions', async (request, reply) => {
  const { authorization = '' } = request.headers;
  const { statusCode, headers, body } = await upstream.request({
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { 'content-type': 'application/json', authorization },
    body: request.body as Buffer,
  });
  reply.code(statusCode).header('content-type', headers['content-type']);
  const length = headers['content-length'];
  if (length !== undefined) reply.header('content-length', length);
  return reply.send(body);
});
await app.listen({ host: '127.0.0.1', port: Number(port) });
