import { nextWebhook } from 'sivo-webhooks/verify/next'

export const POST = nextWebhook({ secrets: () => process.env.SIVO_WEBHOOK_SECRETS.split(' ') }, () => {})
