import express from 'express-4'
import { expressWebhook, keepRawBody } from 'sivo-webhooks/verify/express'

const app = express()
if (process.env.PLATFORM === 'behind express.json') app.use(express.json({ limit: '1mb', verify: keepRawBody }))
app.post(
  '/webhooks',
  expressWebhook({ secrets: process.env.SIVO_WEBHOOK_SECRETS.split(' ') }, () => {}),
)
app.listen(Number(process.env.PORT), '127.0.0.1')
