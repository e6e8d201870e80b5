// Publishing from a producer's own transaction: `select sivo.publish(…)` on the database of the gateway. The event, its
// deliveries and their wake-ups commit with the caller's other writes, or roll back with them.
//
// The function checks what the database can check: the tenant, the type's name, that data is an object, and the size.
// It does not check data against the type's schema; who wants that publishes through the API. It is made when the database
// is migrated, so that it names the catalogue and the schedule of that release.

import { createHash } from 'node:crypto'
import type { ClientBase } from 'pg'
import type { Logger } from 'pino'
import { ENDPOINT_WANTS_TYPE, meetsConditionInTime } from '../../database/filters/wanted-events.ts'
import { linePosition, wakeLines } from '../../database/lines.ts'
import { MIGRATION_LOCK } from '../../database/locks.ts'
import { askForWakeUps, ringFor } from '../../database/queue.ts'
import { queueForSearch } from '../../database/search-index.ts'
import { MAX_BODY_BYTES } from '../../domain/event/envelope.ts'
import { MAX_IDEMPOTENCY_KEY_LENGTH, MAX_SUBJECT_LENGTH } from '../../domain/event/input.ts'
import { API_VERSION, EVENT_TYPES } from '../../domain/event-types/catalogue.ts'

const NAME = 'sivo.publish(text, text, jsonb, text, bigint, timestamptz, text)'
type Client = Pick<ClientBase, 'query'>

/** A role that may call the function and nothing else; made where this session may make roles. */
const CALLERS = 'sivo_publisher'

const quote = (text: string) => `'${text.replaceAll("'", "''")}'`

/** TypeID: 128 bits behind two zeros, as 26 digits of five bits. */
const PUBLIC_ID = `
create or replace function sivo.public_id(prefix text, id uuid) returns text
language sql immutable strict parallel safe as $$
  select prefix || '_' || string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz',
    substring(b'00' || ('x' || replace(id::text, '-', ''))::bit(128) from at * 5 + 1 for 5)::bit(5)::int + 1, 1), '' order by at)
  from generate_series(0, 25) as at
$$`

const DATABASE_ID = `
create or replace function sivo.database_id(prefix text, public_id text) returns uuid
language sql immutable strict parallel safe as $$
  select case when public_id ~ ('^' || prefix || '_[0-7][0-9a-hjkmnp-tv-z]{25}$') then (
    select string_agg(to_hex(substring(bits from at * 4 + 3 for 4)::bit(4)::int), '' order by at)::uuid
    from (select string_agg((position(substr(public_id, length(prefix) + 2 + i, 1) in '0123456789abcdefghjkmnpqrstvwxyz') - 1)::bit(5)::text, '' order by i)::varbit as bits
          from generate_series(0, 25) as i) all_bits, generate_series(0, 31) as at) end
$$`

function publishFunction(schema: string, { maxAttempts, eventTtls = new Map() }: SqlPublishOptions): string {
  const types = EVENT_TYPES.map(({ name }) => name)
  const ttls = [...eventTtls].map(([type, ms]) => ` when ${quote(type)} then interval '${ms} ms'`).join('')
  return `
create or replace function sivo.publish(
  tenant text, type text, data jsonb, subject text default null, sequence bigint default null,
  occurred_at timestamptz default null, idempotency_key text default null
) returns text
language plpgsql volatile security definer set search_path = ${schema}, pg_temp set timezone = 'UTC' as $publish$
#variable_conflict use_column
declare
  known_types constant text[] := array[${types.map(quote).join(', ')}];
  tenant_uuid constant uuid := sivo.database_id('ten', publish.tenant);
  event_id uuid := uuidv7();
  accepted constant timestamptz := date_trunc('milliseconds', clock_timestamp());
  happened constant timestamptz := date_trunc('milliseconds', coalesce(publish.occurred_at, clock_timestamp()));
  content constant bytea := sha256(convert_to(jsonb_build_array(
    publish.type, publish.subject, publish.sequence, publish.occurred_at, publish.data)::text, 'UTF8'));
  expires constant timestamptz := accepted + ${ttls ? `case publish.type${ttls} end` : 'null::interval'};
  holder record;
  body text;
begin
  if tenant_uuid is null or not exists (select 1 from tenant t where t.id = tenant_uuid) then
    raise exception 'tenant: expected the id of a tenant, such as ten_01h…, got %', coalesce(quote_literal(left(publish.tenant, 60)), 'null')
      using errcode = '22023';
  end if;
  if publish.type is null or publish.type <> all (known_types) then
    raise exception 'type: expected an event type of the catalogue, got %', coalesce(quote_literal(left(publish.type, 60)), 'null')
      using errcode = '22023', hint = 'The types are: ' || array_to_string(known_types, ', ');
  end if;
  if publish.data is null or jsonb_typeof(publish.data) <> 'object' then
    raise exception 'data: expected an object, got %', coalesce(jsonb_typeof(publish.data), 'null') using errcode = '22023',
      hint = case jsonb_typeof(publish.data) when 'string'
        then 'Some drivers write JSON of a text that is JSON already: give them the object, or cast the text with ::text::jsonb.'
        else 'Give an object, such as {"call_id": "call_1"}.' end;
  end if;
  if length(publish.subject) > ${MAX_SUBJECT_LENGTH} or publish.subject = '' then
    raise exception 'subject: expected 1 to ${MAX_SUBJECT_LENGTH} characters, got %', length(publish.subject) using errcode = '22023';
  end if;
  if publish.subject ~ E'[\\u0001-\\u001f\\u007f-\\u009f]' then
    raise exception 'subject: expected no control characters, got %', to_json(left(publish.subject, 60)) using errcode = '22023';
  end if;
  -- Drivers send infinity for the largest time of their language. It has no text in a body.
  if extract(year from publish.occurred_at) not between 1 and 9999 then
    raise exception 'occurred_at: expected a time in the years 1 to 9999 UTC, got %', publish.occurred_at
      using errcode = '22023', hint = 'Leave it out for what happens now.';
  end if;
  if length(publish.idempotency_key) > ${MAX_IDEMPOTENCY_KEY_LENGTH} or publish.idempotency_key = '' then
    raise exception 'idempotency_key: expected 1 to ${MAX_IDEMPOTENCY_KEY_LENGTH} characters, got %', length(publish.idempotency_key) using errcode = '22023';
  end if;
  if publish.sequence not between 0 and 9007199254740991 then
    raise exception 'sequence: expected a whole number from 0 to 9007199254740991, got %', publish.sequence using errcode = '22023';
  end if;
  if publish.idempotency_key is not null then
    -- Waits for another transaction that holds the key, and sees how it ended.
    insert into idempotency_key (tenant_id, key, event_id, fingerprint)
    values (tenant_uuid, publish.idempotency_key, event_id, content) on conflict do nothing;
    select k.event_id, k.fingerprint into holder from idempotency_key k
    where k.tenant_id = tenant_uuid and k.key = publish.idempotency_key;
    if holder.fingerprint is distinct from content then
      raise exception 'idempotency_key: % was used for another event, %, with other content',
        quote_literal(publish.idempotency_key), sivo.public_id('evt', holder.event_id)
        using errcode = '23505', hint = 'Use a new key for a new event, or send the same content again.';
    end if;
    if holder.event_id <> event_id then return sivo.public_id('evt', holder.event_id); end if;
  end if;
  body := '{"id":' || to_json(sivo.public_id('evt', event_id)) || ',"type":' || to_json(publish.type)
    || ',"api_version":"${API_VERSION}","timestamp":"' || to_char(happened, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
    || '","tenant_id":' || to_json(publish.tenant) || ',"test":false,"subject":' || coalesce(to_json(publish.subject)::text, 'null')
    || ',"sequence":' || coalesce(publish.sequence::text, 'null') || ',"data":' || publish.data::text || '}';
  if octet_length(body) > ${MAX_BODY_BYTES} then
    raise exception 'data: expected a body of at most ${MAX_BODY_BYTES} bytes, got %', octet_length(body)
      using errcode = '22023', hint = 'Send a link to what is large, or split it.';
  end if;
  with stored as (
    insert into event (id, tenant_id, type, subject, sequence, sequence_long, occurred_at, body, created_at, expires_at)
    values (event_id, tenant_uuid, publish.type, publish.subject,
      case when publish.sequence <= 2147483647 then publish.sequence end,
      case when publish.sequence > 2147483647 then publish.sequence end, happened, body, accepted, expires)
    returning id, tenant_id, type, subject, sequence, sequence_long
  ), searchable as (
    ${queueForSearch('stored')}
  ), wanted as (
    select s.*, e.id as endpoint_id,
      case when e.ordering = 'SUBJECT' and s.subject is not null then ${linePosition('s')} end as line_position
    from stored s join endpoint e on ${ENDPOINT_WANTS_TYPE} and ${meetsConditionInTime('body', 'accepted')}
  ), fanned as (
    insert into delivery (tenant_id, event_id, endpoint_id, event_type, subject, max_attempts, next_attempt_at, created_at,
      expires_at, line_position, reason)
    select tenant_id, id, endpoint_id, type, subject, ${maxAttempts}, case when line_position is null then accepted end, accepted,
      expires, line_position, case when line_position is not null then 'waits_for_subject' end
    from wanted
    returning endpoint_id, tenant_id, subject, line_position
  ), lined as (
    ${wakeLines('fanned')}
  ), awake as (
    select f.endpoint_id, f.tenant_id from fanned f join endpoint e on e.id = f.endpoint_id where e.status = 'ACTIVE'
  ), woken as (
    ${/* The caller may commit late: a lane that has passed this time looks from the beginning. */ ''}
    ${askForWakeUps('awake', { fromStart: 'true' })}
  ), rung as (
    ${ringFor('stored')}
  )
  select null into holder from woken, rung where woken.count + rung.count > 0;
  return sivo.public_id('evt', event_id);
end
$publish$`
}

/**
 * Whether the function is of this version, and callers have the rights that it is made with. A dump has no roles: restored into
 * another cluster, the function is there, but its callers' role and the revocation from everybody else are not.
 */
const IS_CURRENT = `
select obj_description(f.oid, 'pg_proc') = $2 and not has_function_privilege('public', f.oid, 'execute') and coalesce(
  (select has_function_privilege(r.oid, f.oid, 'execute') from pg_roles r where r.rolname = '${CALLERS}'),
  not (select r.rolcreaterole or r.rolsuper from pg_roles r where r.rolname = current_user)) as current
from pg_proc f where f.oid = to_regprocedure($1)`

export type SqlPublishOptions = {
  /** The number of attempts in a cycle of the schedule. */
  readonly maxAttempts: number
  /** How long events of a type are of use, in milliseconds; absent: as long as the schedule lasts. */
  readonly eventTtls?: ReadonlyMap<string, number>
}

/**
 * Makes the functions of the schema `sivo`, or replaces them when this release or its settings say otherwise, or when their
 * rights are not as they were made. Needs the right
 * to create a schema; throws what the database says.
 */
export async function installSqlPublish(client: Client, options: SqlPublishOptions): Promise<void> {
  const { rows: found } = await client.query(
    `select relnamespace::regnamespace::text as schema from pg_class where oid = 'event'::regclass`,
  )
  const statements = [PUBLIC_ID, DATABASE_ID, publishFunction(found[0].schema, options)]
  const version = createHash('sha256').update(statements.join(';')).digest('hex').slice(0, 32)
  const { rows } = await client.query(IS_CURRENT, [NAME, version])
  if (rows[0]?.current) return
  await client.query('begin')
  try {
    // Of processes that start together, one makes the functions at a time. It may migrate for as long as it needs.
    await client.query('set local lock_timeout = 0')
    await client.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
    await client.query(`
      create schema if not exists sivo;
      ${statements.join(';\n')};
      revoke all on all functions in schema sivo from public;
      comment on function ${NAME} is '${version}';
      do $$ begin
        if not exists (select 1 from pg_roles where rolname = '${CALLERS}') then
          create role ${CALLERS} nologin;
        end if;
        grant usage on schema sivo to ${CALLERS};
        grant execute on function ${NAME} to ${CALLERS};
      exception when insufficient_privilege then
        raise notice 'The role ${CALLERS} is not made, because this session may not make roles.';
      end $$`)
    await client.query('commit')
  } catch (error) {
    await client.query('rollback').catch(() => {})
    throw error
  }
}

const INSUFFICIENT_PRIVILEGE = '42501'

/** Makes the functions at the start, if this session may. A gateway works without them, and then says so once. */
export async function offerSqlPublish(
  client: Client,
  { log, ...options }: SqlPublishOptions & { log: Logger },
): Promise<void> {
  try {
    await installSqlPublish(client, options)
  } catch (error) {
    if ((error as { code?: unknown }).code !== INSUFFICIENT_PRIVILEGE) throw error
    log.info({ err: error }, 'sql_publish.not_made')
  }
}
