#!/usr/bin/env bash
# pg_repack: beside a publication of all tables it fails for a table in use, and stops every subscriber for one that is not.
#
# Debezium and switches to a new major version make a publication FOR ALL TABLES. pg_repack copies a table into one of its own schema,
# repack.table_OID. Expected: as with VACUUM FULL, whose copy is no change that is published. But the copy is published like any table:
#
# - Rows that were updated meanwhile are updated in the copy too, which has no replica identity yet: "cannot update table", and the
#   repacking is undone. It works whenever the table rests, so a trial run says nothing.
# - A subscriber gets inserts into a table that it does not have. Its apply worker ends, starts again and ends, for ever. The publisher
#   keeps its log for it until the disk is full. pg_repack itself ends with 0 and says nothing.
#
# A publication FOR TABLES IN SCHEMA leaves the copies out. pg_repack's issue 235 has the first of the two; a pull request of 2026 lets
# it refuse to run there, but no version that we tried does.
#
# Fails when the table in use is repacked, when the row after a repacking arrives, or when the row after VACUUM FULL does not. Uses Debian
# 12's packages, unpacked and not installed; Postgres listens on a socket in a temporary folder. 1.5.3 on Postgres 18.6 does the same.
set -euo pipefail
folder=$(mktemp -d)
chmod 777 "$folder"
cd "$folder"
as_user() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; else "$@"; fi; }
bin=$folder/root/usr/lib/postgresql/15/bin
trap 'as_user "$bin/pg_ctl" -D data -m immediate stop >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT
apt-get download --quiet postgresql-15=15.20-0+deb12u1 postgresql-client-15=15.20-0+deb12u1 libpq5=15.20-0+deb12u1 \
  postgresql-15-repack=1.4.8-1+deb12u1 >/dev/null 2>&1
for package in *.deb; do dpkg-deb --extract "$package" root; done
chmod 755 root
LD_LIBRARY_PATH=$(dirname "$(find "$folder/root" -name 'libpq.so.5' | head -1)")
export LD_LIBRARY_PATH PGHOST=$folder PGUSER=postgres LC_ALL=C PSQLRC=/dev/null PGOPTIONS=--client-min-messages=warning
as_user "$bin/initdb" -D data -U postgres -A trust >/dev/null
cat >>data/postgresql.conf <<CONF
listen_addresses = ''
unix_socket_directories = '$folder'
wal_level = logical
fsync = off
CONF
as_user "$bin/pg_ctl" -D data -l log -w start >/dev/null

ask() { "$bin/psql" -qAt -v ON_ERROR_STOP=1 -d "$1" -c "$2"; }
repack() { "$bin/pg_repack" -d publisher -t public.orders 2>&1; }
# Whether the row reaches the subscriber within five seconds.
arrives() {
  ask publisher "insert into orders values ($1, 0)"
  for _ in $(seq 50); do
    [ "$(ask subscriber "select count(*) from orders where id = $1")" = 0 ] || return 0
    sleep 0.1
  done
  return 1
}

ask postgres 'create database publisher'
ask postgres 'create database subscriber'
for name in publisher subscriber; do ask $name 'create table orders (id int primary key, version int not null)'; done
ask publisher 'create extension pg_repack'
ask publisher "insert into orders select n, 0 from generate_series(1, 300000) as n"

# A table in use: the same row is updated all the time.
echo 'update orders set version = version + 1 where id = 1;' >update.sql
use() { "$bin/pgbench" -n -f update.sql -T 60 publisher >/dev/null 2>&1 & }
use; using=$!
said=$(repack) || { echo "Expected a repacking without a publication, got: $said"; exit 1; }
ask publisher 'create publication everything for all tables'
if said=$(repack); then echo 'A table in use was repacked beside the publication.'; exit 1; fi
kill "$using"
grep -q 'does not have a replica identity and publishes updates' <<<"$said"
echo "A table in use: $(grep -m1 'replica identity' <<<"$said")"

ask publisher "select pg_create_logical_replication_slot('all_tables', 'pgoutput')" >/dev/null
ask subscriber "create subscription all_tables connection 'host=$folder user=postgres dbname=publisher' publication everything
  with (create_slot = false, copy_data = false)"
arrives 400001
ask publisher 'vacuum full orders'
arrives 400002
echo 'After VACUUM FULL the next row arrives.'
repack >/dev/null
if arrives 400003; then echo 'After pg_repack the next row arrives.'; exit 1; fi
grep -q 'logical replication target relation "repack.table_[0-9]*" does not exist' log
echo "After pg_repack none does: $(grep -m1 -o 'logical replication target relation.*' log)"
echo "$("$bin/pg_repack" --version) with $("$bin/postgres" --version): as described."
