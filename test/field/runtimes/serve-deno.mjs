import { fetchWebhook } from 'sivo-webhooks/verify/fetch'

const secrets = Deno.env.get('SIVO_WEBHOOK_SECRETS').split(' ')
Deno.serve(
  { hostname: '127.0.0.1', port: Number(Deno.env.get('PORT')) },
  fetchWebhook({ secrets }, () => {}),
)
