import { fetchWebhook } from 'sivo-webhooks/verify/fetch'

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env.PORT),
  fetch: fetchWebhook({ secrets: process.env.SIVO_WEBHOOK_SECRETS.split(' ') }, () => {}),
})
