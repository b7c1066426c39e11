import { describe, expect, it } from 'vitest';
import { Endings } from '../../src/cli/endings.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** A process whose handlers and end leave words behind. */
function rig() {
  const clock = new FakeClock();
  const told: string[] = [];
  const endings = new Endings({ clock, die: (signal) => told.push(`died of ${signal}`) });
  const mind = () => endings.onInterrupt((cause) => told.push(cause));
  endings.onExit(() => told.push('cleaned'));
  const signal = (laterMs = 1000) => {
    clock.pass(laterMs);
    endings.signalled('SIGINT');
  };
  return { endings, told, mind, signal };
}

describe('Endings', () => {
  it('end the process at once when nobody minds, but clean up first', () => {
    const { told, signal } = rig();
    signal();
    expect(told).toEqual(['cleaned', 'died of SIGINT']);
  });

  it('ask those who mind twice, and end the process at the third time', () => {
    const { told, mind, signal } = rig();
    mind();
    for (let count = 0; count < 3; count += 1) signal();
    expect(told).toEqual(['signal', 'signal', 'cleaned', 'died of SIGINT']);
  });

  it('ask nobody who does not mind any more', () => {
    const { told, mind, signal } = rig();
    mind()();
    signal();
    expect(told).toEqual(['cleaned', 'died of SIGINT']);
  });

  it('take signals for one that come within a tenth of a second', () => {
    const { told, mind, signal } = rig();
    mind();
    for (const laterMs of [0, 99, 99, 99]) signal(laterMs);
    expect(told).toEqual(['signal']);
    signal(101);
    expect(told).toEqual(['signal', 'signal']);
  });

  it('ask once when output is lost, unless somebody was asked before', () => {
    const { endings, told, mind, signal } = rig();
    mind();
    expect([endings.outputLost(), endings.outputLost()]).toEqual([true, true]);
    signal();
    expect(told).toEqual(['lost output', 'signal']);
    signal();
    expect(told.at(-1)).toBe('died of SIGINT');
  });

  it('say when nobody minds that output is lost', () => {
    expect(rig().endings.outputLost()).toBe(false);
  });

  it('clean up once', () => {
    const { endings, told } = rig();
    endings.onExit(() => told.push('never'))();
    endings.clean();
    endings.clean();
    expect(told).toEqual(['cleaned']);
  });
});
