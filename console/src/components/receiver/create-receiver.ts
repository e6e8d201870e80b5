import { graphql } from '../../api/client.ts'
import { useAction } from '../../lib/actions.ts'

const CREATE = graphql(`
  mutation CreateTestReceiver($input: CreateTestReceiverInput!) {
    createTestReceiver(input: $input) {
      ... on CreateTestReceiverSuccess {
        testReceiver {
          url
        }
      }
      ...Refusal
    }
  }
`)

/** Makes the test receiver of a tenant, or finds the one that is there. */
export function useCreateReceiver(tenantId: string): { isBusy: boolean; create(): Promise<string | null> } {
  const { run, isBusy } = useAction(CREATE, (data) => data.createTestReceiver)
  return { isBusy, create: async () => (await run({ input: { tenantId } }))?.testReceiver.url ?? null }
}
