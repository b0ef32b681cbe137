/** `netwright rule add`. */
import { protocols, readRuleLine, RULE_FORM, ruleWords } from '../../index.js'
import type { Command } from '../command.js'
import { UsageError } from '../failure.js'
import { networkParameter } from '../find-network.js'
import { changeNetwork, scopeParameters } from '../forward-words.js'

export const command: Command = {
  name: 'rule add',
  group: 'Between networks',
  summary: 'allow or deny what guests send or get',
  description: `A rule is ${RULE_FORM}. The first rule that matches decides; where none does, the network's forward mode, forwarded ports and peers do. in is what comes to guests of the network from elsewhere, out what they send elsewhere; answers pass. deny refuses with an ICMP error, drop is silent. log writes matching packets into the kernel's log, ten a second at most. A live rule cuts off connections that it forbids. Addresses are 10.7.0.0/24, 2001:db8::5 or @SET.`,
  parameters: [
    networkParameter,
    { kind: 'text', name: 'at', named: true, value: 'number', description: 'place among the rules, from 1; without it the last' },
    { kind: 'text', name: 'log-prefix', named: true, description: 'what the lines in the log begin with' },
    { kind: 'text', name: 'comment', named: true, description: 'for people' },
    ...scopeParameters,
    { kind: 'rest', name: 'rule', description: 'the rule, as one word or several' },
  ],
  changes: 'virNetworkUpdate',
  run: async (values, context) => {
    const words = values.rest('rule').join(' ')
    const rule = readRuleLine(words)
    if (rule === undefined) throw new UsageError(`'${words}' is not a rule: ${RULE_FORM}`)
    const [at, prefix, comment] = ['at', 'log-prefix', 'comment'].map((name) => values.text(name))
    if (at !== undefined && !/^[1-9]\d{0,4}$/.test(at)) throw new UsageError(`'${at}' is not a place among rules`)
    const more = { ...prefix === undefined ? {} : { log: prefix }, ...comment === undefined ? {} : { comment } }
    const { action, direction } = rule
    await changeNetwork(values, context, async (network, options) => {
      await network.rules.add(Object.keys(more).length === 0 ? words : { ...rule, action: action === 'allow' || action === 'drop' ? action : 'deny', direction: direction === 'in' ? 'in' : 'out', protocol: protocols.find((one) => one === rule.protocol), ...more }, { ...options, ...at === undefined ? {} : { at: Number(at) } })
      return { network: network.name, rule: ruleWords(rule) }
    })
  },
}
