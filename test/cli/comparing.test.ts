import { expect, it } from 'vitest';
import { comparing } from '../../src/cli/comparing.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeIo } from '../support/fake-io.ts';

it('comparing() shows now and then how far it is', () => {
  const clock = new FakeClock();
  const io = new FakeIo({ env: { clock }, columns: 80 });
  const show = comparing(io);
  for (const bytes of [0, 256, 512, 768, 1024]) {
    show(bytes, 1024);
    clock.pass(100);
  }
  expect(io.drawings).toEqual([
    ['comparing [--------------------]  0.0 %  0 B of 1 KiB'],
    ['comparing [##########----------] 50.0 %  512 B of 1 KiB'],
    ['comparing [####################] 100.0 %  1 KiB of 1 KiB'],
  ]);
});

it('comparing() says nothing of images without a byte', () => {
  const io = new FakeIo({ columns: 80 });
  comparing(io)(0, 0);
  expect(io.drawings).toEqual([]);
});
