// For `node --import`: lets `signalbox/…` mean the sources, by the exports map, so that no build is needed; and packages
// resolve from the repository, wherever the importing file is.
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

const root = new URL('../../', import.meta.url)
const { name, exports: map } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
  readonly name: string
  readonly exports: Readonly<Record<string, string | { readonly import: { readonly default: string } }>>
}

registerHooks({
  resolve(specifier, context, next) {
    if (specifier !== name && !specifier.startsWith(`${name}/`)) return next(specifier, context)
    const target = map[`.${specifier.slice(name.length)}`]
    if (typeof target !== 'object') throw new Error(`${specifier} is not exported`)
    const source = target.import.default.replace('./dist/', './src/').replace(/\.js$/, '.ts')
    return { url: new URL(source, root).href, format: 'module-typescript', shortCircuit: true }
  },
})
