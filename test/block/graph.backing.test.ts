import { describe, expect, it } from 'vitest';
import { LayerGraph } from '../support/layers.ts';

const memory = (name: string, more: object = {}) => ({
  driver: 'memory',
  'node-name': name,
  size: 8192,
  ...more,
});

describe('opening a backing', () => {
  it('opens it read-only and without discards, whatever the disk itself is', async () => {
    const { graph } = new LayerGraph();
    const backing = memory('base', { backing: memory('bottom') });
    const top = await graph.open(memory('top', { discard: 'unmap', backing }));
    expect(top.options).toMatchObject({ readOnly: false, unmap: true });
    for (const name of ['base', 'bottom']) {
      expect(graph.find(name).options).toMatchObject({ readOnly: true, unmap: false });
    }
    expect(top.backing).toBe(graph.find('base'));
    await graph.close(top);
    expect(graph.nodes).toEqual([]);
  });

  it('leaves that to its options where they say it', async () => {
    const { graph } = new LayerGraph();
    const backing = memory('base', { 'read-only': false, discard: 'unmap' });
    await graph.open(memory('top', { 'read-only': true, backing }));
    expect(graph.find('base').options).toMatchObject({ readOnly: false, unmap: true });
  });

  it('stands on a node that is open when given its name, and leaves that as it is', async () => {
    const { graph } = new LayerGraph();
    const base = await graph.open(memory('base'));
    const top = await graph.open(memory('top', { backing: 'base' }));
    expect([top.backing, base.options.readOnly]).toEqual([base, false]);
    await graph.close(top);
    expect(graph.nodes).toEqual([base]);
  });

  it('has none for null, as for nothing', async () => {
    const { graph } = new LayerGraph();
    for (const more of [{ backing: null }, {}]) {
      const top = await graph.open(memory('top', more));
      expect([top.backing, top.children]).toEqual([undefined, []]);
      await graph.close(top);
    }
  });

  it('refuses a node that would be behind itself', async () => {
    const { graph } = new LayerGraph();
    const opening = graph.open(memory('top', { backing: 'top' }));
    await expect(opening).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(opening).rejects.toThrow(
      "Making 'top' a backing child of 'top' would create a cycle",
    );
    const around = graph.open(memory('top', { backing: memory('base', { backing: 'top' }) }));
    await expect(around).rejects.toMatchObject({ code: 'ENODEV' });
    expect(graph.nodes).toEqual([]);
  });

  it('names the option that is wrong by its place', async () => {
    const { graph } = new LayerGraph();
    const inner = graph.open(memory('top', { backing: memory('base', { size: 'x' }) }));
    await expect(inner).rejects.toThrow(/'backing\.size'/);
    await expect(graph.open(memory('top', { backing: 5 }))).rejects.toThrow(/'backing'/);
    expect(graph.nodes).toEqual([]);
  });
});
