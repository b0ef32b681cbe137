import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { importsOf, violation } from '../../../scripts/check-layers.js'

const judge = (path: string, text: string): (string | undefined)[] => importsOf(path, text).map((found) => violation(path, found))

test('layers: downwards is allowed, upwards is not, and types count', () => {
  assert.equal(judge('netlink/attr.ts', "import { u32 } from '../bytes/codec.js'"), [undefined])
  assert.equal(judge('bytes/codec.ts', "import type { Row } from '../netlink/attr.js'"), ['bytes/ may not import netlink/'])
  assert.equal(judge('errors.ts', "export { x } from './values/ip.js'"), ['errors/ may not import values/'])
})

test('layers: the network floor sees types of the kernel floor only', () => {
  assert.equal(judge('network/expand.ts', "import type { Link } from '../kernel/object.js'"), [undefined])
  assert.equal(judge('network/expand.ts', "import { type Link } from '../kernel/object.js'"), [undefined])
  assert.equal(judge('network/expand.ts', "import { link } from '../kernel/object.js'"), ['network/ may import types of kernel/ only'])
  assert.equal(judge('network/expand.ts', "type T = import('../netlink/attr.js').Row<number>"), ['network/ may not import netlink/'])
})

test('layers: an index is imported by the command line only', () => {
  assert.equal(judge('cli/commands/net-list.ts', "const { openHost } = await import('../../index.js')"), [undefined])
  assert.equal(judge('engine/plan.ts', "import { openHost } from '../index.js'"), ['../index.js: an index is for users; import the file itself'])
  assert.equal(judge('kernel/link.ts', "import { link } from '../netlink/rtnl/index.js'"), ['../netlink/rtnl/index.js: an index is for users; import the file itself'])
  assert.equal(judge('cli/main.ts', "import { NetwrightError } from '../errors.js'"), ['cli/ may not import errors/'])
})

test('layers: a package is loaded on its own floor only', () => {
  assert.equal(judge('cli/main.ts', "import { pino } from 'pino'"), [undefined])
  assert.match(judge('engine/plan.ts', "import pino from 'pino'")[0] ?? '', 'the package pino is not for engine/')
  assert.equal(judge('cli/demo/stage.ts', "import { link } from 'netwright/rtnl'"), [undefined])
  assert.match(judge('engine/plan.ts', "import { link } from 'netwright/rtnl'")[0] ?? '', 'the package netwright is not for engine/')
  assert.equal(judge('engine/plan.ts', "import { join } from 'path'"), ['path: write node:path'])
})

test.run()
