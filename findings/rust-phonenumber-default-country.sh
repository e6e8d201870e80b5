#!/usr/bin/env bash
# Rust crate phonenumber: the default country takes a digit off numbers of other countries.
#
# The country that parse() gets is for numbers without +. Expected of a number in E.164: itself, whatever that country is, as
# Google's libphonenumber, of which the crate is a port, gives it. The crate takes the trunk prefix of the default country off
# every number: with US the 1 of +49 151 …, a German mobile number, and of +33 1 … (Paris); with DE or GB the 0 of +39 06 …
# (Rome). What is left may be the number of somebody else: +49 511 … is Hanover, and is_valid() says true. With None as the
# country each number stays.
#
# Fails when the numbers stay as they are. Builds a program with cargo.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "probe"
version = "0.1.0"
edition = "2021"

[dependencies]
phonenumber = "=0.3.10"
TOML
cat >src/main.rs <<'RUST'
use phonenumber::{country, Mode};

fn main() {
    for default in [None, Some(country::US), Some(country::DE)] {
        for number in ["+14155550132", "+4915112345678", "+390612345678"] {
            let parsed = phonenumber::parse(default, number).unwrap();
            println!("{default:?} {number}: {}, valid: {}", parsed.format().mode(Mode::E164), parsed.is_valid());
        }
    }
}
RUST
CARGO_PROFILE_DEV_DEBUG=0 cargo build --quiet 2>/dev/null
came=$(target/debug/probe)
expected='None +14155550132: +14155550132, valid: true
None +4915112345678: +4915112345678, valid: true
None +390612345678: +390612345678, valid: true
Some(US) +14155550132: +14155550132, valid: true
Some(US) +4915112345678: +495112345678, valid: true
Some(US) +390612345678: +390612345678, valid: true
Some(DE) +14155550132: +14155550132, valid: true
Some(DE) +4915112345678: +4915112345678, valid: true
Some(DE) +390612345678: +39612345678, valid: false'
printf 'phonenumber %s, %s\n%s\n' "$(sed -n '/name = "phonenumber"/{n;s/version = "\(.*\)"/\1/p}' Cargo.lock)" "$(rustc --version)" "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
