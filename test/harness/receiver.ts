/** A program of somebody else's that is handed descriptors over a unix socket, and then is a guest on them: it answers ARP and ping. */
import type { Background } from './command.js'
import type { Namespace } from './namespace.js'

const program = `
import array, json, os, select, socket, struct, sys
how, path, ip = sys.argv[1], sys.argv[2], bytes(map(int, sys.argv[3].split('.')))
address = '\\0' + path[1:] if path.startswith('@') else path
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET if how == 'packets' else socket.SOCK_STREAM)
if how == 'connect':
  s.connect(address)
else:
  s.bind(address); s.listen(1)
  print('listening', flush=True)
  if how in ('deaf', 'deaf-once'):
    if how == 'deaf-once': c, _ = s.accept()
    print('waiting', flush=True)
    select.select([], [], [], float(ip[3]))
    sys.exit(0)
  s, _ = s.accept()
data, control, flags, _ = s.recvmsg(65536, socket.CMSG_SPACE(253 * 4))
fds = array.array('i')
for level, kind, part in control:
  if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS: fds.frombytes(part[:len(part) - len(part) % 4])
s.close()
print('got', len(fds), data.decode().strip(), flush=True)
mac = bytes.fromhex(json.loads(data)['mac'].replace(':', ''))
def checksum(b):
  total = sum(struct.unpack('!%dH' % (len(b) // 2), b)) # ping's packets have even lengths
  total = (total & 0xffff) + (total >> 16)
  return ~((total & 0xffff) + (total >> 16)) & 0xffff
while len(fds):
  for fd in select.select(list(fds), [], [])[0]:
    frame = os.read(fd, 65536)
    kind = frame[12:14]
    if kind == b'\\x08\\x06' and frame[20:22] == b'\\0\\x01' and frame[38:42] == ip:
      os.write(fd, frame[6:12] + mac + frame[12:20] + b'\\0\\x02' + mac + ip + frame[22:32])
    elif kind == b'\\x08\\0' and frame[23] == 1 and frame[34] == 8 and frame[30:34] == ip:
      echo = bytearray(frame[34:14 + struct.unpack('!H', frame[16:18])[0]])
      echo[0:4] = b'\\0\\0\\0\\0'
      struct.pack_into('!H', echo, 2, checksum(bytes(echo)))
      os.write(fd, frame[6:12] + mac + frame[12:26] + frame[30:34] + frame[26:30] + bytes(echo))
`

/** Listens at `path` (or connects to it) and takes what comes first; then says `got COUNT DATA`. `deaf`: never accepts, `deaf-once`: accepts and never reads; both end after as many seconds as the address's last number. Needs 'python3'. */
export function receiver (ns: Pick<Namespace, 'spawn'>, how: 'listen' | 'packets' | 'connect' | 'deaf' | 'deaf-once', path: string, ip = '10.7.0.9'): Background {
  return ns.spawn('python3', ['-c', program, how, path, ip])
}
