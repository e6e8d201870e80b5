import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../field/programs.ts'

const ROOT = join(import.meta.dirname, '../..')

/** An empty project that has installed the package as npm packs it, with the programs of consumer/ beside it. */
export async function installPackage(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'sivo-package-'))
  const packed = await run('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: join(ROOT, 'packages/verify'),
  })
  const [{ filename }] = JSON.parse(packed.stdout.slice(packed.stdout.indexOf('[\n')))
  const project = join(folder, 'project')
  await mkdir(project)
  await writeFile(join(project, 'package.json'), '{ "name": "consumer", "private": true }\n')
  await run('npm', ['install', '--no-audit', '--no-fund', '--offline', join(folder, filename)], { cwd: project })
  await cp(join(import.meta.dirname, 'consumer'), project, { recursive: true })
  await cp(join(ROOT, 'test/receivers/vectors.json'), join(project, 'vectors.json'))
  return { folder: project, remove: () => rm(folder, { recursive: true, force: true }) }
}
