/** The commands and events of a schema. */

import { struct } from './composites.ts';
import type { Members, ObjectType, Type } from './type.ts';

/** A command as the schema tells of it. */
export interface CommandSchema<Arguments, Result> {
  readonly name: string;
  /** What it does, in one sentence. */
  readonly summary: string;
  readonly arguments: ObjectType<Arguments>;
  /** What it answers; an empty object if nothing is said. */
  readonly returns?: Type<Result>;
  /** It may be executed before those that wait (`exec-oob`). @default false */
  readonly allowsOutOfBand?: boolean;
  /** Such as `deprecated`, `unstable`. @default None. */
  readonly features?: readonly string[];
}

/** An event as the schema tells of it, under its name. */
export interface EventSchema {
  /** What has happened, in one sentence. */
  readonly summary: string;
  readonly data: ObjectType<unknown>;
}

/** No arguments, or nothing to answer. */
export const EMPTY = struct('q_empty', {} satisfies Members);
