// The same as CommonJS.
const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const { MemoryDedupeStore, once, PostgresDedupeStore } = require('sivo-webhooks/verify/dedupe')
const { expressWebhook, keepRawBody } = require('sivo-webhooks/verify/express')
const { fastifyWebhook } = require('sivo-webhooks/verify/fastify')
const { fetchWebhook } = require('sivo-webhooks/verify/fetch')
const { honoWebhook } = require('sivo-webhooks/verify/hono')
const { lambdaWebhook } = require('sivo-webhooks/verify/lambda')
const { deliveryOf, webhookGuard } = require('sivo-webhooks/verify/nestjs')
const { nextWebhook } = require('sivo-webhooks/verify/next')
const { nodeWebhook } = require('sivo-webhooks/verify/node')
const { isWebhookError, verifyDelivery, verifyWebhook } = require('sivo-webhooks/verify')
const { verifyDeliveryAsync, verifyWebhookAsync } = require('sivo-webhooks/verify/web')

const entries = [deliveryOf, expressWebhook, fastifyWebhook, fetchWebhook, honoWebhook, keepRawBody, lambdaWebhook]
entries.push(MemoryDedupeStore, nextWebhook, nodeWebhook, once, PostgresDedupeStore, webhookGuard)
entries.push(verifyDelivery, verifyDeliveryAsync)
if (!entries.every((entry) => typeof entry === 'function')) throw new Error('an export is missing')

const file = JSON.parse(readFileSync(join(__dirname, 'vectors.json'), 'utf8'))
import('./vectors.mjs').then(async ({ checkVectors }) => {
  const given = { verifyWebhook, verifyWebhookAsync, isWebhookError, fetchWebhook }
  console.log(JSON.stringify(await checkVectors(file, given)))
})
