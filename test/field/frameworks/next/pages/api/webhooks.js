import { nodeWebhook } from 'sivo-webhooks/verify/node'

export const config = { api: { bodyParser: false } }
export default nodeWebhook({ secrets: () => process.env.SIVO_WEBHOOK_SECRETS.split(' ') }, () => {})
