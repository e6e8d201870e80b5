#!/usr/bin/env bash
# Postgres: an interrupted REINDEX TABLE CONCURRENTLY leaves an index of the TOAST table that the owner of the table cannot drop.
#
# What is left of a rebuilding that ran out of time is an invalid index, NAME_ccnew, which writes may still have to keep up to date. The
# documentation says to drop it, also that of a TOAST table. The next REINDEX skips it, and in 18 hints "Use DROP INDEX or REINDEX INDEX".
# Expected: that the owner of the table may do so, as with the table's own indexes. But the leftover is in the schema pg_toast, which
# nobody but a superuser may use: both are refused with "permission denied for schema pg_toast". VACUUM FULL leaves it too. A database of a
# provider often has no superuser to ask. Rebuilding index by index, as the gateway does with its weeks, leaves none.
#
# Fails when the owner may drop or rebuild the index, when nothing is left behind, when VACUUM FULL takes it away, or when a superuser may
# not drop it. Uses Debian 12's packages, unpacked and not installed; Postgres listens on a socket in a temporary folder. 18.6 refuses
# DROP INDEX to the owner in the same words.
set -euo pipefail
folder=$(mktemp -d)
chmod 777 "$folder"
cd "$folder"
as_user() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; else "$@"; fi; }
bin=$folder/root/usr/lib/postgresql/15/bin
trap 'as_user "$bin/pg_ctl" -D data -m immediate stop >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT
apt-get download --quiet postgresql-15=15.20-0+deb12u1 postgresql-client-15=15.20-0+deb12u1 libpq5=15.20-0+deb12u1 >/dev/null 2>&1
for package in *.deb; do dpkg-deb --extract "$package" root; done
chmod 755 root
LD_LIBRARY_PATH=$(dirname "$(find "$folder/root" -name 'libpq.so.5' | head -1)")
export LD_LIBRARY_PATH PGHOST=$folder PGDATABASE=postgres LC_ALL=C PSQLRC=/dev/null
as_user "$bin/initdb" -D data -U postgres -A trust >/dev/null
cat >>data/postgresql.conf <<CONF
listen_addresses = ''
unix_socket_directories = '$folder'
fsync = off
CONF
as_user "$bin/pg_ctl" -D data -l log -w start >/dev/null

ask() { "$bin/psql" -qAt -v ON_ERROR_STOP=1 -U "$1" -c "$2" 2>&1; }
left() { ask postgres "select string_agg(indexrelid::regclass::text, ' ' order by 1) from pg_index where not indisvalid"; }

ask postgres 'create role owner login'
ask postgres 'create schema owner authorization owner'
ask owner "create table owner.letters (id int primary key, text text)"
ask owner "insert into owner.letters select n, repeat(md5(n::text), 20) from generate_series(1, 1000) as n"

# A session that keeps an old snapshot, as a dump does.
mkfifo commands
"$bin/psql" -qAt -U owner <commands >reader 2>&1 & reader=$!
exec 3>commands
echo 'begin isolation level repeatable read; select count(*) from owner.letters;' >&3
until [ -s reader ]; do sleep 0.1; done
if said=$("$bin/psql" -qAt -U owner -c "set statement_timeout = '2s'" -c 'reindex table concurrently owner.letters' 2>&1); then
  echo "Expected a rebuilding that runs out of time, got: $said"; exit 1
fi
echo 'commit;' >&3
exec 3>&-
wait "$reader"
echo "Left behind: $(left | tr '\n' ' ')"

ask owner 'drop index owner.letters_pkey_ccnew'
toast=$(left)
[[ $toast =~ ^pg_toast\.pg_toast_[0-9]+_index_ccnew$ ]] || { echo "Expected one index of TOAST, got: $toast"; exit 1; }
said=$(ask owner 'reindex table concurrently owner.letters')
grep -q 'invalid index "pg_toast' <<<"$said" || { echo "Expected a warning about the index, got: $said"; exit 1; }
echo "The next rebuilding: $(tr '\n' ' ' <<<"$said")"
for command in "drop index $toast" "reindex index concurrently $toast"; do
  if said=$(ask owner "$command"); then echo "The owner may: $command"; exit 1; fi
  grep -q 'permission denied for schema pg_toast' <<<"$said"
  echo "The owner's ${command%% pg_toast*}: $said"
done
[ "$(left)" = "$toast" ]
ask owner 'vacuum full owner.letters'
[ "$(left)" = "$toast" ] || { echo "VACUUM FULL left: $(left)"; exit 1; }
ask postgres "drop index $toast"
[ -z "$(left)" ]
echo "VACUUM FULL leaves it, a superuser may drop it. $("$bin/postgres" --version): as described."
