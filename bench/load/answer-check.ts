/** Compares the body of one answer with what was asked for, as it comes. */
export interface AnswerCheck {
  /** Texts of the script that came, in their order, so far. */
  readonly texts: number;
  /**
   * The next bytes of the body: those of `text` from `start` until `end`.
   *
   * @throws {WrongAnswerError}
   */
  push(text: string, start: number, end: number): void;
  /**
   * The body is through.
   *
   * @throws {WrongAnswerError} something is missing
   */
  end(): void;
}
