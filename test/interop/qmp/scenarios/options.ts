/** Options the daemon is started with: what it does with those, and how it refuses others. */

import { DISKS, FILES, queryNodes } from '../mirrors.ts';
import { execute, guest, on, open, type Scenario } from '../scenario.ts';

/** A daemon that does not come up. */
const refused = (title: string, ...args: readonly string[]): Scenario => ({
  title: `it does not start with ${title}`,
  args,
  isRefused: true,
  files: { 'disk.img': 65_536, 'psk.txt': 0 },
});

const DISK = '--blockdev=driver=file,node-name=disk,filename=disk.img';
const SERVER = '--nbd-server=addr.type=unix,addr.path=nbd.sock';

export const options: readonly Scenario[] = [
  refused('an option that it does not know', '--none'),
  refused('an argument that is no option', 'none'),
  refused('a disk without a driver', '--blockdev=node-name=disk'),
  refused('a driver that it does not know', '--blockdev=driver=none,node-name=disk'),
  refused('a disk of a file that is not there', `${DISK}.none`),
  refused('a disk with a parameter too many', `${DISK},none=1`),
  refused('two disks of one name', DISK, DISK),
  refused('a disk of JSON that is wrong', '--blockdev={"driver": null-co}'),
  refused('a flag that is neither on nor off', `${DISK},read-only=maybe`),
  refused('a size with a unit that is none', '--blockdev=driver=null-co,node-name=disk,size=1x'),
  refused(
    'keys that contradict each other',
    '--blockdev=driver=raw,node-name=disk,file=a,file.b=c',
  ),
  refused('an empty key', '--blockdev=driver=null-co,=1'),
  refused('an export without a server', DISK, '--export=type=nbd,id=export,node-name=disk'),
  refused('an export of a type that it does not know', SERVER, '--export=type=none,id=export'),
  refused('an export of no disk', SERVER, '--export=type=nbd,id=export,node-name=none'),
  refused('a server without an address', '--nbd-server=max-connections=1'),
  refused('a server at an address that is none', '--nbd-server=addr.type=none'),
  refused('a server whose socket cannot be', '--nbd-server=addr.type=unix,addr.path=no/where'),
  refused('credentials that are not there', `${SERVER},tls-creds=none`),
  refused('limits that contradict each other', '--object=throttle-group,id=a,x-bps-total-max=1'),
  refused('a character device without an identifier', '--chardev=null'),
  refused('a monitor on no character device', '--monitor=none'),
  refused(
    'two monitors on one character device',
    '--chardev=null,id=a',
    '--monitor=a',
    '--monitor=a',
  ),
  refused('a file of its process that cannot be', '--pidfile=no/where'),
  {
    title: 'options are done in their order, as JSON or as keys and values',
    args: [
      '--object={"qom-type": "throttle-group", "id": "group", "limits": {"iops-total": 1000}}',
      '--blockdev={"driver": "file", "node-name": "file", "filename": "disk.img"}',
      '--blockdev',
      'throttle,node-name=slow,file=file,throttle-group=group',
      '--blockdev=raw,node-name=part,file=slow,offset=512,size=1024',
      '--blockdev',
      'driver=null-co,node-name=null,size=1048576,read-only=on,cache.direct=on,cache.no-flush=on',
      SERVER,
      '--export=nbd,id=export,node-name=part,name=a,,b,writable=on',
      '--export={"type": "nbd", "id": "second", "node-name": "null"}',
    ],
    files: { 'disk.img': 65_536 },
    steps: [
      queryNodes,
      execute('query-block-exports'),
      execute('qom-get', { path: '/objects/group', property: 'limits' }),
      guest('a,b', 'write -P 2 0 512'),
      guest('null', 'read 0 512'),
    ],
  },
  {
    title: 'a monitor is given by its character device, in one way or another',
    args: [
      ...DISKS,
      '--chardev=socket,id=c,path=c.sock,server=on,wait=off',
      '--monitor=chardev=c,mode=control,pretty=off',
      '--chardev',
      'backend=socket,id=j,path=j.sock,server,nowait',
      '--monitor',
      '{"chardev": "j", "id": "monitor", "pretty": true}',
    ],
    files: FILES,
    steps: [
      open('c'),
      ...on('c', execute('qmp_capabilities')),
      open('j'),
      ...on('j', execute('qmp_capabilities')),
      execute('query-chardev'),
    ],
  },
];
