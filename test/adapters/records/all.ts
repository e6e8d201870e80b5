// The records of all systems.

import { ASTERISK } from './asterisk.ts'
import { CLOUD } from './cloud.ts'
import { FREESWITCH } from './freeswitch.ts'
import { genesys } from './genesys.ts'
import { KAMAILIO } from './kamailio.ts'
import type { AdapterRecord } from './record.ts'
import { VOICE_AGENTS } from './voice-agents.ts'

export const RECORDS: readonly AdapterRecord[] = [
  ...ASTERISK,
  ...FREESWITCH,
  ...CLOUD,
  ...genesys(),
  ...KAMAILIO,
  ...VOICE_AGENTS,
]
