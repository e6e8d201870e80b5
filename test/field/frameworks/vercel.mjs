// Starts the server of `vercel dev`. It listens before the function is compiled, and says by a message when that is done.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

const server = fork('node_modules/@vercel/node/dist/dev-server.mjs', {
  env: { ...process.env, VERCEL_DEV_ENTRYPOINT: 'vercel/webhooks.mjs' },
})
const [{ port }] = await once(server, 'message')
createServer((socket) => {
  const behind = connect(port, '127.0.0.1')
  socket.pipe(behind).pipe(socket)
  for (const end of [socket, behind]) end.on('error', () => {})
}).listen(Number(process.env.PORT), '127.0.0.1')
