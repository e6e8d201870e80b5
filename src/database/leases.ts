// What a lease says, in SQL. A process that holds one is sending the delivery now: until the lease ends, or until its process is
// found dead. `d` names the delivery's row.

/** The ids of processes that died. As an array it is read once for a statement. */
export const DEAD_PROCESSES = '(array(select id from worker_process where died_at is not null))'

/** True while nobody holds the delivery. */
export const isFree = (d: string) =>
  `(${d}.lease_until is null or ${d}.lease_until < now() or ${d}.lease_by = any ${DEAD_PROCESSES})`

/** True while a living process holds the delivery; null where it was never leased. */
export const isHeld = (d: string) => `(${d}.lease_until > now() and ${d}.lease_by <> all ${DEAD_PROCESSES})`

/** The columns of a delivery that nobody holds, for `set`. */
export const NO_LEASE = 'lease_token = null, lease_until = null, lease_by = null'
