#!/bin/sh
# Makes chains.json: certificate chains for receiver.test that a sender must refuse, each for another reason, valid from 2020
# to 2120. Needs the openssl command (made with OpenSSL 3.0).
#
#   sh test/egress/chains/make-chains.sh > test/egress/chains/chains.json
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
NOT_BEFORE=20200101000000Z
NOT_AFTER=21200101000000Z

# sign NAME SUBJECT ISSUER EXTENSIONS [options of `openssl ca`]: NAME.pem for the key NAME.key; ISSUER may be NAME itself.
sign() {
  name=$1 subject=$2 issuer=$3 extensions=$4
  shift 4
  [ -f "$name.key" ] || openssl ecparam -genkey -name prime256v1 -noout -out "$name.key"
  openssl req -new -key "$name.key" -subj "/CN=$subject" -out "$name.csr" 2>/dev/null
  mkdir -p "$issuer.db"
  : > "$issuer.db/index.txt"
  printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s.db/index.txt\nnew_certs_dir=%s.db\nrand_serial=yes\npolicy=p\ndefault_md=sha256\nunique_subject=no\n[p]\ncommonName=supplied\n[e]\n%s\n' \
    "$issuer" "$issuer" "$extensions" > "$name.cnf"
  if [ "$issuer" = "$name" ]; then set -- -selfsign "$@"; else set -- -cert "$issuer.pem" "$@"; fi
  openssl ca -batch -notext -config "$name.cnf" -extensions e -keyfile "$issuer.key" -in "$name.csr" -out "$name.pem" \
    -startdate $NOT_BEFORE -enddate $NOT_AFTER "$@" 2>/dev/null
}
CA='basicConstraints=critical,CA:true
keyUsage=critical,keyCertSign,cRLSign'
SERVER='basicConstraints=critical,CA:false
extendedKeyUsage=serverAuth
subjectAltName=DNS:receiver.test'
weak() { openssl genrsa -out "$1.key" 1024 2>/dev/null; }

sign root 'Known root' root "$CA"
sign between 'Known intermediate' root "$CA"
sign unknown 'Acme private root' unknown "$CA"
sign unknown-between 'Acme intermediate' unknown "$CA"
sign old 'Old digest' root "$SERVER" -md sha1
weak short; sign short 'Short key' root "$SERVER"
weak short-between; sign short-between 'Short intermediate' root "$CA"
sign under-short 'Under a short key' short-between "$SERVER"
sign fenced-between 'Fenced intermediate' root "$CA
nameConstraints=critical,permitted;DNS:other.test"
sign fenced 'Fenced' fenced-between "$SERVER"
sign served 'Private' unknown-between "$SERVER"
sign under 'Under an intermediate' between "$SERVER"
sign no-authority 'No authority' root 'basicConstraints=critical,CA:false'
sign under-none 'Under no authority' no-authority "$SERVER"
sign client 'For clients' root 'basicConstraints=critical,CA:false
extendedKeyUsage=clientAuth
subjectAltName=DNS:receiver.test'
sign past-between 'Past intermediate' root "$CA" -enddate 20210101000000Z
sign under-past 'Under a past intermediate' past-between "$SERVER"

text() { awk '{ printf "%s\\n", $0 }' "$@"; }
chain() {
  name=$1
  shift
  printf '%s\n  "%s": { "key": "%s", "cert": "%s" }' "$comma" "$name" "$(text "$1.key")" "$(for each; do text "$each.pem"; done)"
  comma=,
}
printf '{\n  "root": "%s"' "$(text root.pem)"
comma=,
chain signedWithSha1 old
chain shortKey short
chain shortKeyAbove under-short short-between
chain nameConstraints fenced fenced-between
chain unknownRootServed served unknown-between unknown
chain unknownRoot served unknown-between
chain intermediateMissing under
chain aboveIsNoAuthority under-none no-authority
chain forClients client
chain expiredAbove under-past past-between
printf '\n}\n'
