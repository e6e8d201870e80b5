import { graphql } from 'relay-runtime'

export const page = graphql`
  query deliveriesQuery {
    viewer {
      role
    }
    deliveries(first: 2) @connection(key: "deliveries_deliveries") {
      edges {
        node {
          id
          status
        }
      }
    }
  }
`

export const updates = graphql`
  subscription deliveriesSubscription($after: String) {
    deliveryUpdates(after: $after) {
      cursor
      resyncRequired
      deliveries {
        id
        status
      }
    }
  }
`
