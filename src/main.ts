// Where units and containers start Node that were set up for a release without main.mjs. It is the same, and a little later.

import { join } from 'node:path'

await import(join(import.meta.dirname, 'main.mjs'))
