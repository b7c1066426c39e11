/** Something that a simulation has started, and looks at now and then. */

export interface WatchedTask {
  isEnded: boolean;
  /** What it failed with. */
  failure?: { readonly error: unknown };
}

/** Starts something and watches it, so that nothing is thrown where nobody catches it. */
export function watchTask(
  task: () => Promise<void>,
  onError: (error: unknown) => void = () => {},
): WatchedTask {
  const watched: WatchedTask = { isEnded: false };
  const run = async () => {
    try {
      await task();
    } catch (error) {
      watched.failure = { error };
      onError(error);
    }
    watched.isEnded = true;
  };
  void run();
  return watched;
}
