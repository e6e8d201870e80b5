// Builds the package for partners: the receivers' source as ES modules and as CommonJS, each with its types, and the command
// line as one file without dependencies. Runs by itself before npm packs it.

import { execFileSync } from 'node:child_process'
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'

const ROOT = join(import.meta.dirname, '..')
const PACKAGE = join(ROOT, 'packages/verify')
const COMPILER = join(ROOT, 'node_modules/typescript/bin/tsc')

rmSync(join(PACKAGE, 'dist'), { recursive: true, force: true })
compile('esm', [])
compile('cjs', ['--module', 'commonjs', '--moduleResolution', 'bundler'])
// Without it Node would take the files for ES modules, as the package itself says.
writeFileSync(join(PACKAGE, 'dist/cjs/package.json'), '{ "type": "commonjs" }\n')

await build({
  root: join(ROOT, 'packages/cli'),
  logLevel: 'warn',
  configFile: false,
  ssr: { noExternal: true, target: 'node' },
  build: {
    ssr: 'src/main.ts',
    target: 'node20',
    outDir: join(PACKAGE, 'dist/bin'),
    emptyOutDir: true,
    rolldownOptions: { output: { entryFileNames: 'sivo.js', codeSplitting: false } },
  },
})

function compile(format: 'esm' | 'cjs', options: string[]): void {
  const args = [COMPILER, '-p', PACKAGE, '--outDir', join(PACKAGE, 'dist', format), ...options]
  execFileSync(process.execPath, args, { stdio: 'inherit' })
  // The compiler rewrites the names of imported files in what runs, but not in the types.
  for (const file of globSync(join(PACKAGE, 'dist', format, '**/*.d.ts'))) {
    const types = readFileSync(file, 'utf8').replaceAll(/(['"])(\.{1,2}\/[\w./-]+)\.ts\1/g, '$1$2.js$1')
    writeFileSync(file, types)
  }
}
