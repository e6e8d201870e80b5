// Asks with graphql-request, with the key and with an unknown one, and prints what it is told.

import { ClientError, GraphQLClient } from 'graphql-request'

const { SIVO_URL: url, SIVO_KEY: key } = process.env
const clientWith = (token) => new GraphQLClient(`${url}/graphql`, { headers: { authorization: `Bearer ${token}` } })

const { viewer } = await clientWith(key).request('{ viewer { role } }')
const unknown = await clientWith('sivo_unknown')
  .request('{ viewer { role } }')
  .catch((error) => (error instanceof ClientError ? error.response : error))
const [batched] = await clientWith(key)
  .batchRequests([{ document: '{ viewer { role } }' }])
  .catch((error) => [error instanceof ClientError ? error.response : error])
console.log(
  JSON.stringify({
    role: viewer.role,
    refused: [unknown.status, unknown.errors?.[0]?.extensions?.code],
    batched: [batched.status, batched.errors?.[0]?.extensions?.code],
  }),
)
