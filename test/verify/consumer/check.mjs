// What somebody who installed the package runs as an ES module: every entry is imported, and every vector checked.
import { readFileSync } from 'node:fs'
import { isWebhookError, verifyDelivery, verifyWebhook } from 'sivo-webhooks/verify'
import { MemoryDedupeStore, once, PostgresDedupeStore } from 'sivo-webhooks/verify/dedupe'
import { expressWebhook, keepRawBody } from 'sivo-webhooks/verify/express'
import { fastifyWebhook } from 'sivo-webhooks/verify/fastify'
import { fetchWebhook } from 'sivo-webhooks/verify/fetch'
import { honoWebhook } from 'sivo-webhooks/verify/hono'
import { lambdaWebhook } from 'sivo-webhooks/verify/lambda'
import { deliveryOf, webhookGuard } from 'sivo-webhooks/verify/nestjs'
import { nextWebhook } from 'sivo-webhooks/verify/next'
import { nodeWebhook } from 'sivo-webhooks/verify/node'
import { verifyDeliveryAsync, verifyWebhookAsync } from 'sivo-webhooks/verify/web'
import { checkVectors } from './vectors.mjs'

const entries = [deliveryOf, expressWebhook, fastifyWebhook, fetchWebhook, honoWebhook, keepRawBody, lambdaWebhook]
entries.push(MemoryDedupeStore, nextWebhook, nodeWebhook, once, PostgresDedupeStore, webhookGuard)
entries.push(verifyDelivery, verifyDeliveryAsync)
if (!entries.every((entry) => typeof entry === 'function')) throw new Error('an export is missing')

const file = JSON.parse(readFileSync(new URL('./vectors.json', import.meta.url), 'utf8'))
console.log(
  JSON.stringify(await checkVectors(file, { verifyWebhook, verifyWebhookAsync, isWebhookError, fetchWebhook })),
)
