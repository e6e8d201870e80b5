#!/usr/bin/env bash
# lua-cjson: it writes numbers with 14 significant digits, so that a clock in microseconds changes.
#
# Dialplans and routing scripts of telephone systems are often in Lua. 1795435200123456, the microseconds since 1970, needs 16
# digits and fits a double exactly; the library writes 1.7954352001235e+15, which is another whole number: valid JSON, 44
# microseconds later, and the same for every event within the same tenth of a millisecond. A confidence loses two digits. Its
# decoder reads all 16. encode_number_precision takes no more than 14 either: milliseconds, with 13 digits, arrive as they are.
#
# Fails when the library writes the number as it is. Uses Debian 12's packages, unpacked and not installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
apt-get download --quiet lua5.1=5.1.5-9 liblua5.1-0=5.1.5-9 lua-cjson=2.1.0+dfsg-2.2 >/dev/null 2>&1
for package in *.deb; do dpkg-deb --extract "$package" root; done
libraries=$(dirname "$(find "$folder/root" -name 'liblua5.1.so.0*' | head -1)")
modules=$(dirname "$(find "$folder/root" -path '*/lua/5.1/cjson.so')")

cat >probe.lua <<'LUA'
local cjson = require('cjson')
local function written(value) return cjson.encode({ value }):sub(2, -2) end
print('version ' .. cjson._VERSION .. ', digits ' .. cjson.encode_number_precision())
print('1795435200123456 is written ' .. written(1795435200123456))
print('0.9359033333333334 is written ' .. written(0.9359033333333334))
print('read and compared: ' .. tostring(cjson.decode('[1795435200123456]')[1] == 1795435200123456))
print('more digits are taken: ' .. tostring(pcall(cjson.encode_number_precision, 16)))
print('1795435200123 is written ' .. written(1795435200123))
LUA
LD_LIBRARY_PATH=$libraries LUA_CPATH="$modules/?.so;$modules/../../?.so" "$folder/root/usr/bin/lua5.1" probe.lua | tee seen

diff seen - <<'SEEN'
version 2.1.0, digits 14
1795435200123456 is written 1.7954352001235e+15
0.9359033333333334 is written 0.93590333333333
read and compared: true
more digits are taken: false
1795435200123 is written 1795435200123
SEEN
echo "lua-cjson 2.1.0 with Lua 5.1: as described."
