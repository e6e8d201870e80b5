// The rows that a statement appends when it changes deliveries: tallies for the statistics and for bulk retries. Appending needs
// no lock, so two processes that record results of one endpoint never wait for each other. The tallies are added up later
// (statistics.ts, bulk-retry-worker.ts); readers take sums and tallies.

/**
 * The CTEs `tallied` and `tallied_bulk_retries` over rows of recorded results. They count ended deliveries and attempts, and
 * say whether the attempts of each endpoint ended with failures in a row. The rows have tenant_id, endpoint_id, test, was,
 * state, ended_at, number, cycle_start, started_at, error_code, latency_bucket and ended_bulk_retry_id.
 */
export function tallyResults(rows: string): string {
  const inARow = 'failed = 1 and (success_at is null or started_at > success_at)'
  return `tallied as (
      insert into delivery_tally (tenant_id, endpoint_id, minute, succeeded, dead_lettered, failed_attempts, latencies,
        last_success_at, last_failure_at, failing_from, failures_in_a_row, failed_deliveries)
      select tenant_id, endpoint_id, minute, sum(succeeded), sum(dead_lettered), sum(failed),
        coalesce(array_agg(latency) filter (where latency is not null), '{}'),
        max(started_at) filter (where failed = 0), max(started_at) filter (where failed = 1),
        min(started_at) filter (where ${inARow}), count(*) filter (where ${inARow}), count(*) filter (where ${inARow} and first)
      from (
        select tenant_id, endpoint_id, date_trunc('minute', ended_at) as minute, (state = 'SUCCEEDED')::int as succeeded,
          (state = 'DEAD_LETTERED')::int as dead_lettered, 0 as failed, null::smallint as latency,
          null::timestamptz as started_at, null::timestamptz as success_at, false as first
        from ${rows} where was = 'PENDING' and state in ('SUCCEEDED', 'DEAD_LETTERED') and not test
        union all
        select tenant_id, endpoint_id, date_trunc('minute', started_at), 0, 0, (error_code is not null)::int, latency_bucket,
          started_at, max(started_at) filter (where error_code is null) over (partition by endpoint_id), number = cycle_start + 1
        from ${rows} where number is not null and not test) t
      group by tenant_id, endpoint_id, minute
    ), tallied_bulk_retries as (
      ${tallyBulkRetries(rows, 'ended_bulk_retry_id', 'state')}
    )`
}

/**
 * The CTE `tallied` over deliveries that succeeded just now, at the attempt of their row: tenant_id, endpoint_id, test,
 * started_at and latency_bucket. It counts what `tallyResults` would count of them.
 */
export function tallyDelivered(rows: string): string {
  return `tallied as (
      insert into delivery_tally (tenant_id, endpoint_id, minute, succeeded, latencies, last_success_at)
      select tenant_id, endpoint_id, minute, sum(succeeded),
        coalesce(array_agg(latency) filter (where latency is not null), '{}'), max(success_at)
      from (
        select tenant_id, endpoint_id, date_trunc('minute', now()) as minute, 1 as succeeded, null::smallint as latency,
          null::timestamptz as success_at
        from ${rows} where not test
        union all
        select tenant_id, endpoint_id, date_trunc('minute', started_at), 0, latency_bucket, started_at from ${rows} where not test) t
      group by tenant_id, endpoint_id, minute
    )`
}

/** An insert that counts ended deliveries for their bulk retries. `id` and `status` name columns of the rows. */
export function tallyBulkRetries(rows: string, id: string, status: string): string {
  return `insert into bulk_retry_tally (bulk_retry_id, succeeded, dead_lettered, ended)
      select ${id}, count(*) filter (where ${status} = 'SUCCEEDED'), count(*) filter (where ${status} = 'DEAD_LETTERED'),
        count(*)
      from ${rows} where ${id} is not null group by ${id}`
}

/**
 * An insert that removes deliveries from the statistics, because they are attempted again: a delivery counts where it ended
 * last. The rows have tenant_id, endpoint_id, test, was and was_completed_at.
 */
export function untallyEnded(rows: string): string {
  return `insert into delivery_tally (tenant_id, endpoint_id, minute, succeeded, dead_lettered)
      select tenant_id, endpoint_id, date_trunc('minute', was_completed_at),
        -count(*) filter (where was = 'SUCCEEDED'), -count(*) filter (where was = 'DEAD_LETTERED')
      from ${rows}
      where not test and was in ('SUCCEEDED', 'DEAD_LETTERED') and was_completed_at is not null
      group by 1, 2, 3`
}

/** An insert that takes deliveries into the statistics again that succeeded before. The rows have tenant_id, endpoint_id, test and completed_at. */
export function tallySucceededAgain(rows: string): string {
  return `insert into delivery_tally (tenant_id, endpoint_id, minute, succeeded)
      select tenant_id, endpoint_id, date_trunc('minute', completed_at), count(*) from ${rows} where not test group by 1, 2, 3`
}
