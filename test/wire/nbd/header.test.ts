import { describe, expect, it } from 'vitest';
import { Inflow } from '../../../src/wire/inflow.ts';
import { Header } from '../../../src/wire/nbd/header.ts';
import { hex } from '../../support/hex.ts';

describe('Header', () => {
  it('fills as bytes come, and takes no more than it is asked for', () => {
    const [header, inflow] = [new Header(8), new Inflow()];
    expect(header.fill(2, inflow)).toBe(false);
    inflow.push(hex('01'));
    expect(header.fill(2, inflow)).toBe(false);
    inflow.push(hex('02 03 04'));
    expect(header.fill(2, inflow)).toBe(true);
    expect(inflow.length).toBe(2);
    expect(header.fill(4, inflow)).toBe(true);
    expect(header.view.getUint32(0)).toBe(0x0102_0304);
  });

  it('keeps what it has when it is asked again for less', () => {
    const [header, inflow] = [new Header(8), new Inflow()];
    inflow.push(hex('01 02 03'));
    expect(header.fill(4, inflow)).toBe(false);
    expect(header.fill(2, inflow)).toBe(true);
    inflow.push(hex('04'));
    expect(header.fill(4, inflow)).toBe(true);
    expect(header.view.getUint32(0)).toBe(0x0102_0304);
  });

  it('begins again when it is cleared', () => {
    const [header, inflow] = [new Header(2), new Inflow()];
    inflow.push(hex('01 02 03 04'));
    expect(header.fill(2, inflow)).toBe(true);
    header.clear();
    expect(header.fill(2, inflow)).toBe(true);
    expect(header.view.getUint16(0)).toBe(0x0304);
  });
});
