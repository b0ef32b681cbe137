/** What netwright is measured beside: tools that make the same links, with nft for the same rules. Files lie below the sandbox's own /run and go with it. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exec, must } from '../test/harness/command.js'
import { sourceFile } from './compile.js'
import { inside } from './namespace.js'
import { essence, ipBatch, ipBatchDelete, nftDelete, picture, type Picture } from './objects.js'

export async function timed (work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** Milliseconds: the programs from start to exit, and, where it tells, the work without the program's start. */
export interface PeerTime { readonly ms: number, readonly within?: number }

/** Makes and deletes what a picture shows. */
export interface Peer { readonly name: string, make (netns: string): Promise<PeerTime>, destroy (netns: string): Promise<PeerTime> }

/** Where a peer cannot be run: what is missing. */
export interface Missing { readonly name: string, readonly missing: string }

/** Makes or deletes links; returns the milliseconds that it says it took itself. */
type Links = (verb: 'make' | 'destroy', netns: string) => Promise<number | undefined>

/** A tool for links, with one `nft -f` for the rules and one `sysctl` for forwarding. */
async function withNft (name: string, shown: Picture, links: Links): Promise<Peer> {
  const directory = await mkdtemp('/run/nw-bench-')
  const [rules, noRules] = [join(directory, 'rules'), join(directory, 'no-rules')]
  await writeFile(rules, `${shown.rules}\n`)
  await writeFile(noRules, `${nftDelete(shown)}\n`)
  const wanted = essence(shown)
  const run = async (verb: 'make' | 'destroy', netns: string): Promise<PeerTime> => {
    let own: number | undefined
    let rest = 0
    const ms = await timed(async () => {
      own = await links(verb, netns)
      rest = await timed(async () => {
        await inside(netns, 'nft', '-f', verb === 'make' ? rules : noRules)
        await inside(netns, 'sysctl', '-qw', `net.ipv4.ip_forward=${verb === 'make' ? '1' : '0'}`)
      })
    })
    return { ms, ...own === undefined ? {} : { within: own + rest } }
  }
  return {
    name,
    make: async (netns) => {
      const time = await run('make', netns)
      const made = essence(await picture(netns))
      const different = wanted.findIndex((text, i) => text !== made[i])
      if (different >= 0) throw new Error(`${name} made something else than netwright:\n${wanted[different] ?? ''}\n${made[different] ?? ''}`)
      return time
    },
    destroy: async (netns) => await run('destroy', netns),
  }
}

/** `ip -batch` and `nft -f`, one process each for all networks: nobody can be quicker with these tools. */
export async function iproute (shown: Picture): Promise<Peer> {
  const directory = await mkdtemp('/run/nw-bench-')
  const files = { make: join(directory, 'links'), destroy: join(directory, 'no-links') }
  await writeFile(files.make, `${ipBatch(shown)}\n`)
  await writeFile(files.destroy, `${ipBatchDelete(shown)}\n`)
  return await withNft('ip -batch + nft -f', shown, async (verb, netns) => {
    await must('ip', ['-n', netns, '-batch', files[verb]], { timeoutMs: 120_000 })
    return undefined
  })
}

/** A picture for programs that read JSON. */
async function described ({ bridges, taps }: Picture): Promise<string> {
  const file = join(await mkdtemp('/run/nw-bench-'), 'links.json')
  await writeFile(file, JSON.stringify({
    bridges: bridges.map(({ link, addresses }) => ({
      name: link.ifname, mac: link.address, group: Number(link.group), alias: link.ifalias ?? '', ipv6: false, addresses: addresses.map(({ local, prefixlen, broadcast }) => ({ local, prefix: prefixlen, broadcast })),
    })),
    taps: taps.map((link) => ({ name: link.ifname, mac: link.address, group: Number.isNaN(Number(link.group)) ? 0 : Number(link.group), alias: link.ifalias ?? '', master: link.master ?? '', ipv6: link.inet6_addr_gen_mode !== 'none' })),
  }))
  return file
}

const nanoseconds = (text: string): number => Number(text.trim()) / 1e6
const INSTALL = 'scripts/bench --install'

export async function pyroute2 (shown: Picture): Promise<Peer | Missing> {
  const python = '/usr/bin/python3' // Debian's, which has Debian's modules
  const { code } = await exec(python, ['-c', 'import pyroute2'])
  if (code !== 0) return { name: 'pyroute2 + nft -f', missing: `missing (${INSTALL})` }
  const file = await described(shown)
  return await withNft('pyroute2 + nft -f', shown, async (verb, netns) => nanoseconds(await inside(netns, python, sourceFile('with_pyroute2.py'), verb, file)))
}

/** Built from Debian's sources, which lie in a GOPATH of their own; nothing is downloaded. */
export async function netlink (shown: Picture): Promise<Peer | Missing> {
  const name = 'Go netlink + nft -f'
  const directory = await mkdtemp('/run/nw-bench-')
  const program = join(directory, 'netlink')
  const env = { GOPATH: '/usr/share/gocode', GO111MODULE: 'off', GOPROXY: 'off', GOFLAGS: '', GOCACHE: join(directory, 'cache'), HOME: directory }
  const built = await exec('sh', ['-c', 'command -v go >/dev/null && exec go build -o "$1" "$2"', 'sh', program, sourceFile('netlink.go')], { env, timeoutMs: 120_000 })
  if (built.code !== 0) return { name, missing: built.stderr === '' ? `missing (${INSTALL})` : `does not build: ${built.stderr.split('\n')[0] ?? ''}` }
  const file = await described(shown)
  return await withNft(name, shown, async (verb, netns) => nanoseconds(await inside(netns, program, verb, file)))
}
