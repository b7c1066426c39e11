/**
 * A schema of QMP as lines, each saying one thing of one command or event: so that two schemas can
 * be compared whose types have other numbers.
 *
 *     blockdev-add.driver = raw                     a value of an enum
 *     blockdev-add<driver=raw>.offset?: int         a member, which is optional
 *     query-jobs ->[].id: str                       what is answered: elements of an array
 */

interface Entry {
  readonly name: string;
  readonly 'meta-type': string;
  readonly 'element-type': string;
  readonly 'arg-type': string;
  readonly 'ret-type': string;
  readonly 'allow-oob'?: boolean;
  readonly features?: readonly string[];
  readonly members: readonly Member[];
  readonly values: readonly string[];
  readonly tag?: string;
  readonly variants: readonly { readonly case: string; readonly type: string }[];
}

interface Member {
  readonly name: string;
  readonly type: string;
  readonly default?: null;
  readonly features?: readonly string[];
}

/** What is to be said of commands and events, by their names. */
export class SchemaLines {
  readonly #entries: ReadonlyMap<string, Entry>;

  /** @param schema What `query-qmp-schema` returns. */
  constructor(schema: unknown) {
    const entries = schema as readonly Entry[];
    this.#entries = new Map(entries.map((entry) => [entry.name, entry]));
  }

  /** The names of all commands and events. */
  get names(): readonly string[] {
    const told = [...this.#entries.values()];
    const isNamed = (entry: Entry) => ['command', 'event'].includes(entry['meta-type']);
    return told.filter(isNamed).map(({ name }) => name);
  }

  /** All that is to be said of one of them. */
  linesOf(name: string): readonly string[] {
    const entry = this.#entry(name);
    const features = entry.features ?? [];
    const own = [`${name} is ${[entry['meta-type'], ...features].join(', ')}`];
    if (entry['allow-oob']) own.push(`${name} is out of band`);
    const given = this.#lines(entry['arg-type'], name, []);
    if (entry['meta-type'] === 'event') return [...own, ...given];
    return [...own, ...given, ...this.#lines(entry['ret-type'], `${name} ->`, [])];
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (!entry) throw new Error(`Cannot describe "${name}": the schema has no such entry`);
    return entry;
  }

  /** @param within The types that this one is a part of, which are not described again. */
  #lines(type: string, path: string, within: readonly string[]): readonly string[] {
    const entry = this.#entry(type);
    const inside = [...within, type];
    if (within.includes(type)) return [];
    switch (entry['meta-type']) {
      case 'enum':
        return entry.values.map((value) => `${path} = ${value}`);
      case 'array':
        return this.#lines(entry['element-type'], `${path}[]`, within);
      case 'alternate':
        return entry.members.flatMap((member) => {
          const kind = this.#kindOf(member.type);
          return [`${path} | ${kind}`, ...this.#lines(member.type, `${path}|`, inside)];
        });
      case 'object':
        return [
          ...entry.members.flatMap((member) => this.#memberLines(member, path, inside)),
          ...(entry.variants ?? []).flatMap((variant) =>
            this.#lines(variant.type, `${path}<${entry.tag}=${variant.case}>`, inside),
          ),
        ];
      default:
        return [];
    }
  }

  #memberLines(member: Member, path: string, inside: readonly string[]): readonly string[] {
    const name = `${path}.${member.name}${'default' in member ? '?' : ''}`;
    const kind = [this.#kindOf(member.type), ...(member.features ?? [])].join(', ');
    return [`${name}: ${kind}`, ...this.#lines(member.type, `${path}.${member.name}`, inside)];
  }

  #kindOf(type: string): string {
    const entry = this.#entry(type);
    if (entry['meta-type'] === 'array') return `[${this.#kindOf(entry['element-type'])}]`;
    return entry['meta-type'] === 'builtin' ? type : entry['meta-type'];
  }
}
