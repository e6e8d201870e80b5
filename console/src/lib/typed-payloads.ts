// The data of a test that a person has changed, for as long as the tab is open: another endpoint, page or type and back, and it is
// still there. Named payloads are in saved-payloads.ts.

const typed = new Map<string, string>()
const keyOf = (tenantId: string, eventType: string) => `${tenantId} ${eventType}`

export function typedPayload(tenantId: string, eventType: string): string | null {
  return typed.get(keyOf(tenantId, eventType)) ?? null
}

/** null: it is the example again. */
export function keepTyped(tenantId: string, eventType: string, text: string | null): void {
  if (text === null) typed.delete(keyOf(tenantId, eventType))
  else typed.set(keyOf(tenantId, eventType), text)
}
