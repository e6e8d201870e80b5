#!/usr/bin/env node
// The command line of a SIVO gateway. It uses the public API alone; what it can do, a partner's program can do.

import { hideBin } from 'yargs/helpers'
import { runCommandLine } from './command-line.ts'

process.exitCode = await runCommandLine(hideBin(process.argv))
