/** What a fuzzer throws cases at. */

/** Something that takes cases; each is made of a seed, and of nothing else. */
export interface Subject {
  readonly name: string;
  /** @throws {Error} What it did wrong. */
  run(seed: number): void | Promise<void>;
  /** Ends it. @throws {Error} What it has left behind. */
  close(): Promise<void>;
}

/** Runs a case. @throws {Error} With the command that runs it alone, because of what went wrong. */
export async function runCase(subject: Subject, seed: number): Promise<void> {
  try {
    await subject.run(seed);
  } catch (error) {
    const command = `npm run fuzz -- ${subject.name} --cases 1 --seed ${seed}`;
    throw new Error(`Case ${seed} of the ${subject.name} failed: ${command}`, { cause: error });
  }
}
