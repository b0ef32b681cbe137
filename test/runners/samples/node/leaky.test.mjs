import { test } from 'node:test'
import { leaves } from '../body.mjs'

test('a forgotten network', leaves)
