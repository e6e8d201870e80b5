#!/usr/bin/env bash
# @apollo/gateway: a value that a service added since the last composition makes a list null, and a mutation too, without an error.
#
# Services add values to enums and members to unions; both are for clients to expect. Apollo's gateway checks each answer against
# the supergraph that it was started with. A value that it does not know becomes null, and so does everything around it that
# must not be null: one delivery with a new status takes the whole list with it, and a mutation that was carried out answers
# data: null. The answer has no errors. What happened is in extensions.valueCompletion, which no client reads: a program sees an
# empty list, or sends the mutation again. Expected: an entry in errors, as schema stitching with graphql-tools has it.
# What helps: compose again before a service rolls out, and treat an answer with extensions.valueCompletion as a failed one.
#
# Needs node 20 or newer and npm. Prints the answers; fails when they change.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error @apollo/gateway@2.14.4 @apollo/composition@2.14.4 @apollo/server@5.5.1 graphql@16.15.0 >/dev/null
cat >probe.mjs <<'JS'
import { createServer } from 'node:http'
import { composeServices } from '@apollo/composition'
import { ApolloGateway } from '@apollo/gateway'
import { ApolloServer } from '@apollo/server'
import { parse } from 'graphql'

let answer
const service = createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
}).listen(0, '127.0.0.1')
await new Promise((done) => service.on('listening', done))
const typeDefs = parse(`
  enum Status { PENDING SUCCEEDED }
  type Delivery { id: ID! status: Status! }
  union RetryResult = RetrySuccess | NotFoundError
  type RetrySuccess { delivery: Delivery! }
  type NotFoundError { message: String! }
  type Query { deliveries: [Delivery!] }
  type Mutation { retry: RetryResult! }
`)
const { supergraphSdl } = composeServices([{ name: 'hooks', url: `http://127.0.0.1:${service.address().port}`, typeDefs }])
const server = new ApolloServer({ gateway: new ApolloGateway({ supergraphSdl }) })
await server.start()

async function ask(what, query, data) {
  answer = { data }
  const { singleResult } = (await server.executeOperation({ query })).body
  const said = singleResult.extensions?.valueCompletion?.[0].message
  console.log(`${what}: ${JSON.stringify(singleResult.data)}, errors: ${JSON.stringify(singleResult.errors ?? 'none')}${said ? `, valueCompletion: ${said}` : ''}`)
}
const list = '{ deliveries { id status } }'
const retry = 'mutation { retry { __typename ... on RetrySuccess { delivery { id } } ... on NotFoundError { message } } }'
const old = { id: 'dlv_1', status: 'SUCCEEDED' }
await ask('a list', list, { deliveries: [old] })
await ask('a list with a new status', list, { deliveries: [old, { id: 'dlv_2', status: 'EXPIRED' }] })
await ask('a mutation', retry, { retry: { __typename: 'RetrySuccess', delivery: { id: 'dlv_1' } } })
await ask('a mutation with a new member', retry, { retry: { __typename: 'RetryLater' } })
process.exit()
JS
came=$(timeout 120 node probe.mjs 2>/dev/null)
expected='a list: {"deliveries":[{"id":"dlv_1","status":"SUCCEEDED"}]}, errors: "none"
a list with a new status: {"deliveries":null}, errors: "none", valueCompletion: Invalid value found for field Delivery.status.
a mutation: {"retry":{"__typename":"RetrySuccess","delivery":{"id":"dlv_1"}}}, errors: "none"
a mutation with a new member: null, errors: "none", valueCompletion: Invalid __typename found for object at field Mutation.retry.'
printf '@apollo/gateway 2.14.4\n%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
