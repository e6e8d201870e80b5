import './scalars.ts'
import './errors.ts'
import './node.ts'
import './viewer.ts'
import './tenant.ts'
import './api-key.ts'
import './audit-entry.ts'
import './event-type.ts'
import './endpoint.ts'
import './signing-secret.ts'
import './event.ts'
import './delivery.ts'
import './attempt.ts'
import './updates.ts'
import { assertValidSchema } from 'graphql'
import { builder } from './builder.ts'

export const schema = builder.toSchema()
assertValidSchema(schema)
