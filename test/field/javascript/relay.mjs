// Asks and watches with Relay, and prints one line for each answer. The network is the recipe of docs/clients.md.

import { createClient } from 'graphql-ws'
import { Environment, fetchQuery, Network, RecordSource, requestSubscription, Store } from 'relay-runtime'
import { WebSocket } from 'ws'
import { createNetwork } from './network.mjs'
import page from './src/__generated__/deliveriesQuery.graphql.js'
import updates from './src/__generated__/deliveriesSubscription.graphql.js'

const { SIVO_URL: url, SIVO_KEY: key } = process.env
const { fetchGraphQL, subscribe } = createNetwork({ url, key, createClient, webSocketImpl: WebSocket })
const environment = new Environment({
  network: Network.create(fetchGraphQL, subscribe),
  store: new Store(new RecordSource()),
})

try {
  const { viewer, deliveries } = await fetchQuery(environment, page, {}).toPromise()
  console.log(JSON.stringify({ role: viewer.role, edges: deliveries.edges.length }))
} catch (error) {
  console.error(String(error.source?.errors?.[0]?.extensions?.code ?? error))
  process.exit(1)
}
requestSubscription(environment, {
  subscription: updates,
  variables: { after: null },
  onNext: (data) => {
    console.log(JSON.stringify(data))
    for (const { id } of data.deliveryUpdates.deliveries)
      if (!environment.getStore().getSource().get(id))
        throw new Error(`Expected ${id} in Relay's store, found nothing.`)
  },
  onError: (error) => {
    console.error(error)
    process.exit(1)
  },
})
