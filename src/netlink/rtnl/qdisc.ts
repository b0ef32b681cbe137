/** Queueing disciplines, as far as they are removed here. Source: include/uapi/linux/rtnetlink.h, struct tcmsg, TCA_*; net/sched/sch_api.c. */
import { s32, string, u32, u8 } from '../../bytes/codec.js'
import { struct } from '../../bytes/struct.js'
import { attr } from '../attr.js'
import { family } from '../family.js'

export const TC_H_ROOT = 0xffffffff
/** Ingress and clsact. */
export const TC_H_INGRESS = 0xfffffff1

export const tcmsg = struct('tcmsg', 20, { family: [0, u8], ifindex: [4, s32], handle: [8, u32], parent: [12, u32], info: [16, u32] })

/** `tc qdisc add|del|show`. */
export const qdisc = family('QDISC', { new: 36, del: 37, get: 38 }, tcmsg, { kind: attr('TCA_KIND', 1, string) })
