import { expect, it } from 'vitest';
import { newcArchive } from './newc.ts';

/** The numbers of a header that differ between entries, each of eight digits. */
interface Header {
  readonly mode: string;
  readonly dataLength: string;
  readonly nameLength: string;
}

function header({ mode, dataLength, nameLength }: Header): string {
  const zero = '00000000';
  const owners = zero + zero;
  const linksAndTime = `00000001${zero}`;
  const devices = zero.repeat(4);
  return `070701${zero}${mode}${owners}${linksAndTime}${dataLength}${devices}${nameLength}${zero}`;
}

it('writes folders, the files in them and the trailer, all at multiples of four bytes', () => {
  const [folder, file, end] = ['000041ed', '000081ed', '00000000'];
  const archive = newcArchive(
    new Map([
      ['/bin/a', Buffer.from('12345')],
      ['/bin/bc', Buffer.from('1234')],
    ]),
  );
  const expected = [
    `${header({ mode: folder, dataLength: '00000000', nameLength: '00000005' })}/bin\0\0`,
    `${header({ mode: file, dataLength: '00000005', nameLength: '00000007' })}/bin/a\0\0\0\0`,
    '12345\0\0\0',
    `${header({ mode: file, dataLength: '00000004', nameLength: '00000008' })}/bin/bc\0\0\0`,
    '1234',
    `${header({ mode: end, dataLength: '00000000', nameLength: '0000000b' })}TRAILER!!!\0\0\0\0`,
  ];
  expect(Buffer.from(archive).toString('latin1')).toBe(expected.join(''));
});

it('writes every folder once, before what is in it', () => {
  const files = new Map(['/a/b/c/d', '/a/e'].map((path) => [path, new Uint8Array(0)]));
  const archive = Buffer.from(newcArchive(files)).toString('latin1');
  expect(archive.match(/\/[a-e/]+(?=\0)/g)).toEqual(['/a', '/a/b', '/a/b/c', '/a/b/c/d', '/a/e']);
});
