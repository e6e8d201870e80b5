import { graphql } from '../../api/client.ts'

export const PAUSE = graphql(`
  mutation PauseEndpoint($id: ID!) {
    pauseEndpoint(id: $id) {
      ... on PauseEndpointSuccess {
        endpoint {
          ...EndpointDetail
        }
      }
      ...Refusal
    }
  }
`)

export const RESUME = graphql(`
  mutation ResumeEndpoint($id: ID!, $held: HeldDeliveries!, $since: DateTime) {
    resumeEndpoint(id: $id, held: $held, since: $since) {
      ... on ResumeEndpointSuccess {
        endpoint {
          ...EndpointDetail
        }
      }
      ...Refusal
    }
  }
`)
