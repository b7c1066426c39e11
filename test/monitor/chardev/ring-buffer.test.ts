import { describe, expect, it } from 'vitest';
import { RingBuffer, ringBufferBackend } from '../../../src/monitor/chardev/ring-buffer.ts';

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe('a ring buffer', () => {
  it('gives back what was written, once', () => {
    const buffer = new RingBuffer(8);
    buffer.write(encode('text'));
    expect(decode(buffer.read(2))).toBe('te');
    expect(decode(buffer.read(100))).toBe('xt');
    expect(decode(buffer.read(100))).toBe('');
  });

  it('forgets the oldest when there is too much', () => {
    const buffer = new RingBuffer(8);
    buffer.write(encode('ab'));
    buffer.write(encode('0123456789'));
    buffer.write(encode('x'));
    expect(decode(buffer.read(100))).toBe('3456789x');
  });

  it.each([0, -8, 7, 2 ** 31])('does not have %i bytes', (size) => {
    const reason = 'size of ringbuf chardev must be power of two';
    expect(() => new RingBuffer(size)).toThrow(expect.objectContaining({ code: 'EINVAL', reason }));
  });

  it('keeps what a front end says', async () => {
    const backend = ringBufferBackend('memory', undefined);
    expect(backend.filename(undefined)).toBe('memory');
    const connection = await backend.next();
    await new Promise<void>((sent) => connection?.write(encode('hello'), sent));
    expect(decode(backend.buffer.read(100))).toBe('hello');
  });
});
