/** The tray of a device whose medium can be exchanged. */

export class Tray {
  #isOpen = false;
  readonly #onMove: (isOpen: boolean) => void;

  /** @param onMove Called when it has been opened or closed. */
  constructor(onMove: (isOpen: boolean) => void) {
    this.#onMove = onMove;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Harmless when it is open already. */
  open(): void {
    this.#move(true);
  }

  /** Harmless when it is closed already. */
  close(): void {
    this.#move(false);
  }

  #move(isOpen: boolean): void {
    if (this.#isOpen === isOpen) return;
    this.#isOpen = isOpen;
    this.#onMove(isOpen);
  }
}
