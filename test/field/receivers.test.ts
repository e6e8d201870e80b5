// The receivers of docs/receivers whose languages compile, or bring much with them. Each is built as its page has it, once
// with each check.

import { spawnSync } from 'node:child_process'
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { expectVectors } from '../receivers/drive.ts'
import { writePage } from '../receivers/pages.ts'
import { has, run, workFolder } from './programs.ts'

const SUPPORT = join(import.meta.dirname, 'receivers')
const CHECKS = [
  ['by hand', '', 'sivo'],
  ['with the official library', 'library', 'standard'],
] as const
/** Where no registry that the tests reach has the library, the page checks those headers by hand. */
const CHECKS_BY_HAND = [CHECKS[0], ['by hand, Standard Webhooks', 'standard', 'standard']] as const

const succeeds = (program: string, ...args: string[]) => spawnSync(program, args).status === 0
const hasRails = succeeds('ruby', '-e', 'require "action_controller/railtie"')

/** An empty folder of that name, with the page's files in `sources` of it. */
async function folderWith(name: string, page: string, sources: string, ...variants: string[]): Promise<string> {
  const folder = await workFolder(`receivers/${name}`)
  await rm(join(folder, sources), { recursive: true, force: sources !== '.' })
  await mkdir(join(folder, sources), { recursive: true })
  await writePage(page, join(folder, sources), ...variants)
  return folder
}

describe.each([
  ['net/http', 'nethttp'],
  ['Gin', 'gin'],
])('Go with %s', (_, framework) => {
  test.skipIf(!has('go')).each(CHECKS)('%s', async (_, variant, scheme) => {
    const cwd = await folderWith(`go-${framework}-${scheme}`, 'go.md', 'src', framework, variant)
    const sources = join(cwd, 'src')
    await writeFile(join(sources, 'go.mod'), 'module example\n')
    const modules = [
      'github.com/standard-webhooks/standard-webhooks/libraries@v0.0.1',
      'github.com/gin-gonic/gin@v1.12.0',
    ]
    await run('go', ['get', ...modules], { cwd: sources })
    await run('go', ['build', '-o', join(cwd, 'receiver')], { cwd: sources })
    await expectVectors(scheme, { command: join(cwd, 'receiver'), args: [], cwd, env: { GIN_MODE: 'release' } })
  })
})

describe('Rust with axum', () => {
  test.skipIf(!has('cargo')).each(CHECKS)('%s', async (_, variant, scheme) => {
    const cwd = await folderWith(`rust-${scheme}`, 'rust.md', 'src', variant)
    await cp(join(SUPPORT, 'rust'), join(cwd, 'src'), { recursive: true })
    // One folder for what both variants are built of: their dependencies are compiled once.
    const target = await workFolder('receivers/rust-target')
    const env = { CARGO_TARGET_DIR: target }
    await run('cargo', ['build', '--quiet'], { cwd: join(cwd, 'src'), env, timeoutMs: 580_000 })
    await expectVectors(scheme, { command: join(target, 'debug/receiver'), args: [], cwd })
  })
})

describe('Java with Spring Boot', () => {
  test.skipIf(!has('java', 'mvn')).each(CHECKS)('%s', async (_, variant, scheme) => {
    const cwd = await folderWith(`java-${scheme}`, 'java.md', 'src/main/java/example', variant)
    await cp(join(SUPPORT, 'java/pom.xml'), join(cwd, 'pom.xml'))
    await cp(join(SUPPORT, 'java/Receiver.java'), join(cwd, 'src/main/java/example/Receiver.java'))
    await run('mvn', ['--quiet', '--batch-mode', 'package'], { cwd, timeoutMs: 580_000 })
    const args = ['-jar', 'target/receiver.jar', '--server.port=$PORT', '--server.address=127.0.0.1']
    await expectVectors(scheme, { command: 'java', args, cwd })
  })
})

describe('C# on Mono', () => {
  test.skipIf(!has('mcs', 'mono')).each(CHECKS_BY_HAND)('%s', async (_, variant, scheme) => {
    const cwd = await folderWith(`csharp-${scheme}`, 'csharp.md', 'src', variant)
    await cp(join(SUPPORT, 'csharp/Host.cs'), join(cwd, 'src/Host.cs'))
    await run('mcs', ['-out:receiver.exe', 'src/SivoSignature.cs', 'src/Host.cs'], { cwd })
    await expectVectors(scheme, { command: 'mono', args: ['receiver.exe'], cwd })
  })
})

describe('Ruby with Rails', () => {
  test.skipIf(!hasRails).each(CHECKS_BY_HAND)('%s', async (_, variant, scheme) => {
    const cwd = await folderWith(`rails-${scheme}`, 'ruby.md', 'src', variant)
    const args = ['-s', 'webrick', '-o', '127.0.0.1', '-p', '$PORT', 'rails_receiver.ru']
    await expectVectors(scheme, { command: 'rackup', args, cwd: join(cwd, 'src'), env: { RACK_ENV: 'production' } })
  })
})

const hasPerl = (...modules: string[]) => succeeds('perl', ...modules.map((module) => `-M${module}`), '-e', '1')

describe('Perl', () => {
  test.skipIf(!has('starman') || !hasPerl('Plack')).each(CHECKS_BY_HAND)(
    'PSGI on Starman %s',
    async (_, variant, scheme) => {
      const cwd = await folderWith(`perl-psgi-${scheme}`, 'perl.md', 'src', variant)
      const args = ['--workers', '2', '--listen', '127.0.0.1:$PORT', 'app.psgi']
      await expectVectors(scheme, { command: 'starman', args, cwd: join(cwd, 'src') })
    },
  )

  test.skipIf(!hasPerl('Mojolicious')).each(CHECKS_BY_HAND)('Mojolicious %s', async (_, variant, scheme) => {
    const cwd = await folderWith(`perl-mojolicious-${scheme}`, 'perl.md', 'src', variant)
    const args = ['mojolicious_receiver.pl', 'daemon', '--mode', 'production', '--listen', 'http://127.0.0.1:$PORT']
    await expectVectors(scheme, { command: 'perl', args, cwd: join(cwd, 'src') })
  })
})
