import { describe, expect, it } from 'vitest';
import { History } from './history.ts';

/** A guest that made `a`, made `b`, changed `a`, removed `b`, and has just begun to make `c`. */
function example(): History {
  const history = new History();
  const changes = ['a 1', 'b 2', 'a 3', 'b gone'].map((change) => change.split(' '));
  for (const [name = '', sum = ''] of changes) {
    history.announce(name, sum);
    history.acknowledge(name, sum);
  }
  history.announce('c', '4');
  return history;
}

it('knows the files after each number of changes', () => {
  const history = example();
  const all = [0, 1, 2, 3, 4, 5].map((count) => Object.fromEntries(history.after(count)));
  const begin = [{}, { a: '1' }, { a: '1', b: '2' }, { a: '3', b: '2' }];
  expect(all).toEqual([...begin, { a: '3' }, { a: '3', c: '4' }]);
});

it('counts a change that is announced and not acknowledged yet', () => {
  const { announced, acknowledged } = example();
  expect([announced, acknowledged]).toEqual([5, 4]);
});

describe('the files of a disk that holds the moment of one to four changes', () => {
  const faults = (files: object) =>
    example().faults(new Map(Object.entries(files)), { from: 1, to: 4 });

  it.each([{ a: '1' }, { a: '1', b: '2' }, { a: '3' }])('may be %j', (files) => {
    expect(faults(files)).toEqual([]);
  });

  it.each([
    ['those before', {}, ['a is gone, and was 1']],
    ['those after', { a: '3', c: '4' }, ['c is 4, and was gone']],
    ['those of two moments', { a: '3', b: '1' }, ['b is 1, and was 2']],
    ['fewer', { b: '2' }, ['a is gone, and was 1']],
    ['more', { a: '1', b: '2', c: '4' }, ['c is 4, and was gone']],
  ])('may not be %s', (_, files, expected) => {
    expect(faults(files)).toEqual(expected);
  });
});

it('refuses an acknowledgement of what was not announced', () => {
  expect(() => example().acknowledge('c', '5')).toThrow('c 5');
  expect(() => example().acknowledge('d', '4')).toThrow('d 4');
});
