import { describe, expect, it } from 'vitest';
import { describeOptions, readChardev } from '../../../src/monitor/chardev/options.ts';
import { parseOptionList } from '../../../src/wire/options/option-list.ts';

function read(text: string) {
  return readChardev(parseOptionList(text, { impliedName: 'backend' }));
}

describe('the options of chardevs', () => {
  it('make a server that waits for its first client, unless it is told not to', () => {
    const { id, options } = read('socket,id=m,path=/run/m.sock,server=on');
    const addr = { type: 'unix', data: { path: '/run/m.sock' } };
    expect(id).toBe('m');
    expect(options).toMatchObject({ type: 'socket', data: { addr, server: true, wait: true } });
    const quiet = read('socket,id=m,path=/run/m.sock,server=on,wait=off').options;
    expect(quiet).toMatchObject({ data: { server: true, wait: false } });
  });

  it('make a client by default', () => {
    const { options } = read('socket,id=m,host=::1,port=44,to=50,reconnect=7');
    const addr = { type: 'inet', data: { host: '::1', port: '44', to: 50 } };
    expect(options).toMatchObject({ data: { addr, server: false, reconnect: 7 } });
    expect(options.data).toHaveProperty('wait', undefined);
  });

  it('name the other kinds', () => {
    expect(read('null,id=n').options).toMatchObject({ type: 'null' });
    expect(read('stdio,id=s,signal=off').options).toMatchObject({ data: { signal: false } });
    const file = read('file,id=f,path=a,,b,append=on').options;
    expect(file).toMatchObject({ type: 'file', data: { out: 'a,b', append: true } });
    expect(read('pipe,id=p,path=x').options).toMatchObject({ data: { device: 'x' } });
    const fd = { type: 'fd', data: { str: '3' } };
    expect(read('socket,id=x,fd=3').options).toMatchObject({ data: { addr: fd } });
  });

  it.each([
    ['null', 'chardev: no id specified'],
    ['id=a', 'chardev: "a" missing backend'],
    ['vc,id=a', "'vc' is not a valid char driver name"],
    ['null,id=a,foo=1', "Invalid parameter 'foo'"],
    ['null,id=a,toString=1', "Invalid parameter 'toString'"],
    ['null,id=a,server=maybe', "Parameter 'server' expects 'on' or 'off'"],
    ['null,id=a,mux=on', "'mux' option is not supported"],
    ['file,id=a', 'chardev: file: no filename given'],
    ['pipe,id=a', 'chardev: pipe: no device path given'],
    ['socket,id=a,host=h', 'chardev: socket: no port given'],
    ['socket,id=a,host=h,path=p', "None or one of 'path', 'fd' or 'host' option required."],
  ])('refuse "%s" in QEMU\'s words', (text, reason) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'EINVAL', reason }));
  });

  it('are listed with their types', () => {
    const lines = describeOptions();
    expect(lines[0]).toBe('chardev options:');
    const typed = ['  path=<str>', '  size=<size>', '  wait=<bool (on/off)>', '  to=<num>'];
    expect(lines).toEqual(expect.arrayContaining(typed));
  });
});
