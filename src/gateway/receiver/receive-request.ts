// What comes to a test receiver. Promise: it takes what an endpoint of its tenant signed and nothing else, so nobody can leave
// anything there; of what it refuses it keeps neither headers nor body. It keeps the last 100 requests and the last 20 refusals.

import type { Context } from '../../context.ts'
import {
  judgeSignature,
  type ReceivedSignature,
  shownHeaders,
  type TestAnswer,
  timeOfAttempt,
} from '../../domain/signing/received-request.ts'
import { liveSecrets } from '../../domain/signing/secret.ts'
import { type SigningKeys, signingKeys } from '../../domain/signing/signature.ts'
import { fromPublicId, toPublicId } from '../../domain/values/id.ts'
import type { Delivery, Endpoint, Prisma, SigningSecret, TestReceiver } from '../../generated/prisma/client.ts'
import { belongsToEndpoint } from '../../vault.ts'

const KEPT = 100
const KEPT_REFUSALS = 20
const REFUSED_STATUS = 401

export type ArrivedRequest = {
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

export type Received = { readonly signature: ReceivedSignature; readonly answer: TestAnswer }

/** Judges a request that came to this receiver, keeps it, and says how to answer. */
export async function receiveRequest(
  ctx: Context,
  receiver: TestReceiver,
  { rawHeaders, body }: ArrivedRequest,
): Promise<Received> {
  const now = ctx.clock.now()
  const headers = firstValues(rawHeaders)
  const delivery = await findDelivery(ctx, receiver.tenantId, headers.get('x-sivo-delivery-id') ?? '')
  const judged = delivery
    ? judgeSignature(
        { headers, body, eventId: toPublicId('event', delivery.eventId) },
        keysOf(ctx, delivery.endpoint, timeOfAttempt(headers) ?? now),
        now,
      )
    : { signature: 'UNKNOWN_DELIVERY' as const, key: null }
  const isValid = judged.signature === 'VALID'
  const answer = isValid ? receiver : { statusCode: REFUSED_STATUS, delayMs: 0, retryAfterSeconds: null }
  const number = Number(headers.get('x-sivo-attempt'))
  await keep(ctx, {
    tenantId: receiver.tenantId,
    receivedAt: now,
    signature: judged.signature,
    secretHint: judged.key?.hint ?? null,
    deliveryId: delivery?.id ?? null,
    endpointId: delivery?.endpointId ?? null,
    eventId: delivery?.eventId ?? null,
    attemptNumber: delivery && Number.isInteger(number) && number > 0 && number < 1_000_000 ? number : null,
    headers: JSON.stringify(
      isValid && delivery ? shownHeaders(rawHeaders, delivery.endpoint.headers as { name: string }[]) : [],
    ),
    bodyBytes: body.length,
    statusCode: answer.statusCode,
    delayMs: answer.delayMs,
  })
  return { signature: judged.signature, answer }
}

type DeliveryWithSecrets = Delivery & { endpoint: Endpoint & { secrets: SigningSecret[] } }

/** The delivery that a request names, if it is one of this tenant. */
async function findDelivery({ db }: Context, tenantId: string, publicId: string): Promise<DeliveryWithSecrets | null> {
  const id = fromPublicId('delivery', publicId)
  if (id === null) return null
  return db.delivery.findFirst({
    where: { id, tenantId },
    include: { endpoint: { include: { secrets: true } } },
  }) as Promise<DeliveryWithSecrets | null>
}

/** The secrets of an endpoint that were live at a time. */
function keysOf(
  { vault }: Context,
  { id, tenantId, secrets }: DeliveryWithSecrets['endpoint'],
  at: Date,
): { keys: SigningKeys; hint: string }[] {
  const { current, coming } = liveSecrets(secrets, at)
  return [current, coming]
    .filter((secret) => secret !== null)
    .map(({ sealed, hint }) => ({ keys: signingKeys(vault.open(sealed, belongsToEndpoint(tenantId, id))), hint }))
}

type Facts = Omit<Prisma.ReceivedRequestUncheckedCreateInput, 'id'>

/** Keeps the request, and forgets those that are too many. */
async function keep({ db, newId }: Context, facts: Facts): Promise<void> {
  const { tenantId, signature } = facts
  const isValid = signature === 'VALID'
  const kept = isValid ? KEPT : KEPT_REFUSALS
  await db.$transaction([
    // One at a time: two at once would each leave the other's out of the count.
    db.$queryRaw`select 1 from test_receiver where tenant_id = ${tenantId}::uuid for no key update`,
    db.receivedRequest.create({ data: { id: newId(), ...facts } }),
    db.$executeRaw`
      delete from received_request where tenant_id = ${tenantId}::uuid and (signature = 'VALID') = ${isValid} and id < (
        select id from received_request where tenant_id = ${tenantId}::uuid and (signature = 'VALID') = ${isValid}
        order by id desc offset ${kept - 1} limit 1
      )`,
  ])
}

function firstValues(rawHeaders: readonly string[]): Map<string, string> {
  const values = new Map<string, string>()
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase()
    if (!values.has(name)) values.set(name, rawHeaders[i + 1]!)
  }
  return values
}
