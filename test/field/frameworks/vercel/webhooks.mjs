import { nodeWebhook } from 'sivo-webhooks/verify/node'

export default nodeWebhook({ secrets: process.env.SIVO_WEBHOOK_SECRETS.split(' ') }, () => {})
