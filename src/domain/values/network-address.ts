// Decides which addresses the gateway may connect to, and which are its own machine's. Promise: an address passes only if it is globally routable unicast,
// or in a network that the operator allowed. An IPv6 address that contains an IPv4 address (mapped, compatible, NAT64,
// 6to4, Teredo, ISATAP) never passes: no receiver is published under one, and the packet would reach the inner address.

import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** One CIDR block: the text of the operator, and its parsed form. */
export type Network = { text: string; address: Address; prefix: number }

const globalUnicastV6 = network('2000::/3')

/** Public by its number, but answered by the host of the cloud: the platform address of Azure. */
const metadata = [network('168.63.129.16/32')]

/** Whether `text` is an IP address of the public internet. Never throws. */
export function isPublicAddress(text: string): boolean {
  const address = parseAddress(text)
  if (address?.range() !== 'unicast') return false
  if (metadata.some((block) => contains(block, address))) return false
  return address.kind() === 'ipv4' || (contains(globalUnicastV6, address) && !isIsatap(address as ipaddr.IPv6))
}

/** Whether the host is an address or the name of this machine itself. An IPv6 address has no brackets. Never throws. */
export function isThisMachine(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** Whether `text` is an IP address inside one of the networks. Never throws. */
export function isInNetworks(text: string, networks: readonly Network[]): boolean {
  if (networks.length === 0) return false
  const address = parseAddress(text)
  return address !== null && networks.some((block) => contains(block, address))
}

/** Whether the gateway may open a connection to this address. Never throws. */
export function mayDial(address: string, allowedNetworks: readonly Network[]): boolean {
  return isPublicAddress(address) || isInNetworks(address, allowedNetworks)
}

/**
 * Parses CIDR blocks separated by commas, as in SIVO_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128'. Empty text is no network.
 * @throws RangeError that names every entry that is not a CIDR block
 */
export function parseNetworks(cidrs: string): Network[] {
  const entries = cidrs.split(',').map((entry) => entry.trim())
  if (entries.length === 1 && entries[0] === '') return []
  const wrong = entries.filter((entry) => !isCidr(entry))
  if (wrong.length > 0) {
    throw new RangeError(
      `expected CIDR blocks separated by commas, such as 10.0.0.0/8 or fd00::/8, got ${wrong
        .map((entry) => JSON.stringify(entry))
        .join(', ')}; write an address, a slash and the number of fixed bits`,
    )
  }
  return entries.map(network)
}

/** The address; null if `text` is none. net.isIP comes first because ipaddr.js also reads 127.1 and 0x7f.1. */
function parseAddress(text: string): Address | null {
  return isIP(text) === 0 || text.includes('%') ? null : ipaddr.parse(text)
}

function isCidr(text: string): boolean {
  const slash = text.indexOf('/')
  if (slash < 0) return false
  const [address, prefix] = [text.slice(0, slash), text.slice(slash + 1)]
  const family = isIP(address)
  if (family === 0 || address.includes('%') || !/^\d{1,3}$/.test(prefix)) return false
  return Number(prefix) <= (family === 4 ? 32 : 128)
}

function network(text: string): Network {
  const [address, prefix] = ipaddr.parseCIDR(text)
  return { text, address, prefix }
}

function contains(block: Network, address: Address): boolean {
  if (block.address.kind() !== address.kind()) return false
  return address.kind() === 'ipv4'
    ? (address as ipaddr.IPv4).match(block.address as ipaddr.IPv4, block.prefix)
    : (address as ipaddr.IPv6).match(block.address as ipaddr.IPv6, block.prefix)
}

/** An interface id of 0000:5efe or 0200:5efe (with or without the group bit) and an IPv4 address, under any prefix. */
function isIsatap(address: ipaddr.IPv6): boolean {
  return (address.parts[4]! & ~0x0300) === 0 && address.parts[5] === 0x5efe
}
