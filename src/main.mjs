// Where Node starts. It turns the compile cache on before anything else is loaded, and then loads the gateway's process
// (process.ts). From the second start on, Node takes the compiled files from the cache, which is half of what loading
// costs. The cache lies beside the packages, where only those can write who can also change the packages. Where nobody can
// write, there is none. NODE_COMPILE_CACHE names another folder.
//
// It is JavaScript, because the cache also holds what is left of TypeScript without its types: for a first file in TypeScript,
// each start would load the compiler, which takes as long as a twentieth of all files.

import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/compiled'))
await import('./process.ts')
