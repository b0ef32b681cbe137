/**
 * Many questions at once from one namespace, each answered with what became of it. A program a question would be too slow for a matrix:
 * here one server answers TCP and UDP of a namespace, and one program asks all that is asked from it.
 */
import type { Background } from '../harness/command.js'
import type { Namespace } from '../harness/kernel-test.js'

export interface Question {
  readonly how: 'tcp' | 'udp' | 'icmp' | 'dns'
  readonly address: string
  readonly port?: number
  /** Milliseconds after which nothing is taken for silence. */
  readonly patience: number
}

/** `pass`: it was answered, and `from` (TCP and UDP) is whom the server saw; `refused`: an error came back; `silent`. */
export interface Answer { readonly what: 'pass' | 'refused' | 'silent', readonly from?: string, readonly error?: string }

const server = `
const [port, ...udp] = process.argv.slice(1)
const seen = (address) => JSON.stringify({ from: address.replace(/^::ffff:/, '') })
const tcp = new Promise((done) => require('net').createServer((s) => { s.on('error', () => {}); s.on('data', () => s.end(seen(s.remoteAddress))) }).listen({ port: Number(port), host: '::', backlog: 511 }, done))
const sockets = udp.map((address) => new Promise((done) => {
  const s = require('dgram').createSocket(address.includes(':') ? { type: 'udp6', ipv6Only: true } : 'udp4')
  s.on('message', (_, r) => s.send(seen(r.address), r.port, r.address, () => {}))
  s.bind(Number(port), address, done)
}))
Promise.all([tcp, ...sockets]).then(() => console.log('serving'))`

const asker = `
const { connect } = require('net'), { createSocket } = require('dgram'), { execFile } = require('child_process'), { Resolver } = require('dns')
const refusals = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH']
const failed = (code) => refusals.includes(code) ? { what: 'refused', error: code } : { what: 'silent', error: code }
const ways = {
  tcp ({ address, port, patience }, say) {
    let got = ''
    const s = connect({ host: address, port }, () => s.write('hello'))
    s.on('data', (d) => { got += d }).on('end', () => say({ what: 'pass', ...JSON.parse(got) })).on('error', (e) => say(failed(e.code)))
    setTimeout(() => { say(failed('ETIMEDOUT')); s.destroy() }, patience)
  },
  udp ({ address, port, patience }, say) {
    const s = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    let again, late
    const end = (result) => { clearInterval(again); clearTimeout(late); s.close(); say(result) }
    const once = (result) => { if (again !== undefined) { end(result); again = undefined } }
    s.on('message', (d) => once({ what: 'pass', ...JSON.parse(d) })).on('error', (e) => once(failed(e.code)))
    again = setInterval(() => s.send('hello', () => {}), 300)
    late = setTimeout(() => once(failed('ETIMEDOUT')), patience)
    s.connect(port, address, (e) => { if (e) once(failed(e.code)); else s.send('hello', () => {}) })
  },
  icmp ({ address, patience }, say) {
    execFile('ping', ['-n', '-c', '1', '-i', '0.3', '-w', String(Math.ceil(patience / 1000)), address], (e, out, err) => {
      if (!e) say({ what: 'pass' })
      else if (/unreachable/i.test(out + err)) say({ what: 'refused', error: 'unreachable' })
      else say({ what: 'silent', error: err.trim() })
    })
  },
  dns ({ address, patience }, say) {
    // Asked again after 1, 2, 4 s, as every other question here is: a bridge drops what comes before its carrier is noticed.
    const resolver = new Resolver(patience > 2000 ? { timeout: 1000, tries: 4 } : { timeout: patience, tries: 1 })
    resolver.setServers([address.includes(':') ? '[' + address + ']' : address])
    resolver.resolve4('known.test', (e, found) => {
      if (!e) say({ what: 'pass', from: found[0] })
      else say(e.code === 'ECONNREFUSED' ? failed(e.code) : { what: 'silent', error: e.code })
    })
  },
}
const answer = (question) => new Promise((say) => ways[question.how](question, say))
Promise.all(JSON.parse(process.argv[1]).map(answer)).then((all) => { console.log(JSON.stringify(all)); process.exit(0) })`

const env = { NODE_V8_COVERAGE: '', NODE_OPTIONS: '' }

/** Answers TCP on all addresses and UDP on those named (an answer must come from the address that was asked). Stopped at the end of the test. */
export async function serve (ns: Namespace, port: number, udp: readonly string[] = ['0.0.0.0', '::']): Promise<Background> {
  const program = ns.spawn(process.execPath, ['-e', server, String(port), ...udp], { env })
  await program.until(/serving/, 60_000)
  return program
}

/** Asks everything at once; answers in the order of the questions. */
export async function ask (ns: Namespace, questions: readonly Question[]): Promise<readonly Answer[]> {
  if (questions.length === 0) return []
  return JSON.parse(await ns.must(process.execPath, ['-e', asker, JSON.stringify(questions)], { env, timeoutMs: 60_000 })) as Answer[]
}
