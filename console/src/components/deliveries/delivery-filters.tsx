import type { DeliveryStatus } from '../../gql/graphql.ts'
import { compact, type DeliverySearch } from '../../lib/search.ts'
import { describeErrorCode, describeReason, ERROR_CODES, REASONS, STATUS_WORDS } from '../../lib/words.ts'
import { Button } from '../../ui/button.tsx'
import { useEndpointChoices, useEventTypeChoices } from '../filters/choices.ts'
import { FilterMenu, HttpFilter, TextFilter } from '../filters/filter-menu.tsx'
import { PeriodFilter } from '../filters/period-filter.tsx'

const STATUS_CHOICES = Object.entries(STATUS_WORDS).map(([value, label]) => ({ value, label }))
export const CAUSE_CHOICES = ERROR_CODES.map((value) => ({ value, label: describeErrorCode(value) }))
const REASON_CHOICES = REASONS.map((value) => ({ value, label: describeReason(value) }))
export const TEST_CHOICES = [
  { value: 'false', label: 'Without tests' },
  { value: 'true', label: 'Only tests' },
]

const RETRIED_CHOICES = [
  { value: 'true', label: 'More than one' },
  { value: 'false', label: 'One or none' },
]

type Part = 'retried' | 'status' | 'endpoint' | 'type' | 'cause' | 'http' | 'reason' | 'call' | 'tests' | 'period'

type DeliveryFiltersProps = {
  tenantId: string
  search: DeliverySearch
  onChange(search: DeliverySearch): void
  /** The filters to leave out on this page. */
  without?: readonly Part[]
}

/** Every filter for deliveries. The address holds the values. */
export function DeliveryFilters({ tenantId, search, onChange, without = [] }: DeliveryFiltersProps) {
  const endpoints = useEndpointChoices(tenantId)
  const types = useEventTypeChoices()
  const set = (change: Partial<DeliverySearch>) => onChange(compact({ ...search, ...change }))
  const has = (part: Part) => !without.includes(part)
  return (
    <>
      {has('status') && (
        <FilterMenu
          label="Status"
          choices={STATUS_CHOICES}
          chosen={search.statuses ?? []}
          onChange={(statuses) => set({ statuses: statuses as DeliveryStatus[] })}
        />
      )}
      {has('endpoint') && (
        <FilterMenu
          label="Endpoint"
          choices={endpoints}
          chosen={search.endpointIds ?? []}
          onChange={(endpointIds) => set({ endpointIds })}
        />
      )}
      {has('type') && (
        <FilterMenu
          label="Type"
          choices={types}
          chosen={search.eventTypes ?? []}
          onChange={(eventTypes) => set({ eventTypes })}
        />
      )}
      {has('cause') && (
        <FilterMenu
          label="Failure"
          choices={CAUSE_CHOICES}
          chosen={search.errorCodes ?? []}
          onChange={(errorCodes) => set({ errorCodes })}
        />
      )}
      {has('reason') && (
        <FilterMenu
          label="Reason"
          choices={REASON_CHOICES}
          chosen={search.reasons ?? []}
          onChange={(reasons) => set({ reasons })}
        />
      )}
      {has('retried') && (
        <FilterMenu
          label="Attempts"
          choices={RETRIED_CHOICES}
          chosen={search.retried === undefined ? [] : [String(search.retried)]}
          onChange={(chosen) => set({ retried: chosen.length === 0 ? undefined : chosen.at(-1) === 'true' })}
        />
      )}
      {has('tests') && (
        <FilterMenu
          label="Tests"
          choices={TEST_CHOICES}
          chosen={search.test === undefined ? [] : [String(search.test)]}
          onChange={(chosen) => set({ test: chosen.length === 0 ? undefined : chosen.at(-1) === 'true' })}
        />
      )}
      {has('period') && <PeriodFilter since={search.since} from={search.from} to={search.to} onChange={set} />}
      {has('http') && <HttpFilter codes={search.statusCodes} onChange={(statusCodes) => set({ statusCodes })} />}
      {has('call') && (
        <TextFilter
          label="Call"
          placeholder="Call or other subject"
          value={search.subject ?? ''}
          onChange={(subject) => set({ subject: subject || undefined })}
        />
      )}
      {search.eventId && (
        <TextFilter
          label="Event"
          value={search.eventId}
          onChange={(eventId) => set({ eventId: eventId || undefined })}
        />
      )}
      {isFiltered(search) && (
        <Button kind="quiet" onClick={() => onChange({})}>
          Clear filters
        </Button>
      )}
    </>
  )
}

export function isFiltered(search: DeliverySearch): boolean {
  return Object.values(search).some((value) => value !== undefined)
}
